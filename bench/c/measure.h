/* What all load generators share: clocks, errors, latencies, the pattern that is sent, and the printed result. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPAN 4093                    /* a prime: how many different slices of the pattern there are */
#define PATIENCE_NS 5000000000ull    /* without any event for so long, the server is taken to hang */

typedef struct {
    uint64_t wall, server, own;      /* nanoseconds */
} Clocks;

/* Print a sentence to standard error and end with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whose processor time is read from now on: all threads of `pid`. */
void measure_process(int pid);
uint64_t now_ns(void);
Clocks read_clocks(void);

/* One answered request that took `latency` nanoseconds. */
void record(uint64_t latency);
uint64_t recorded(void);

/* A random pattern in which every slice of `size` bytes that begins in the first SPAN bytes is another one. */
void make_pattern(size_t size);
const unsigned char *slice_of(unsigned id, uint64_t number);
/* Die if `data` differs from `expected`; `id`, `number` and `offset` say where in the conversation it stands. */
void verify_bytes(const unsigned char *data, const unsigned char *expected, size_t count, unsigned id,
                  uint64_t number, size_t offset);

/* The result as one line of JSON; `extra` is more of its members, each followed by ", ". */
void print_result(Clocks from, Clocks to, const char *extra);

/* A loopback TCP connection; the source address is 127.0.0.`host`.  Blocking, TCP_NODELAY. */
int connect_tcp(int port, unsigned id, unsigned host);
/* A connection to a port of the loopback address, as above, or to unix:PATH.  Blocking. */
int connect_to(const char *address, unsigned id);
void set_nonblocking(int fd);

/* An open listener on a free loopback port; prints {"port": N} (for servers). */
int listen_tcp(void);
/* The same at unix:PATH, which is printed as the port. */
int listen_unix(const char *address);

#endif
