/* Crowd generator: many idle connections, to see what memory they cost the server.
 *
 *     crowd PORT CONNECTIONS SIZE SERVER_PID [stay]
 *
 * A few connections come first, so that what the server loads and allocates once is there.  Then CONNECTIONS more
 * are opened, each proves by one echo of SIZE bytes that it was accepted, and all stay open.  Result:
 * {"connections": N, "before": B, "after": B}, the resident memory of the server in bytes.  With `stay` the
 * connections are kept until this process is killed.
 */
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define FIRST 20
#define AT_ONCE 20
#define SETTLING_US 200000               /* time for what the server puts off until it is idle */

static unsigned char *inbox;

static long resident(int pid)
{
    char path[40];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
        die("the memory of process %d can't be read from %s", pid, path);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* One more connection, which stays open until this process ends. */
static int enter(int port, unsigned id, size_t size)
{
    int fd = connect_tcp(port, id, 1);
    struct timeval patience = {.tv_sec = (time_t)(PATIENCE_NS / 1000000000ull)};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0
        || send(fd, slice_of(id, 1), size, MSG_NOSIGNAL) != (ssize_t)size)
        die("connection %u: sending failed: %s", id, strerror(errno));
    return fd;
}

static void await_echo(int fd, unsigned id, size_t size)
{
    ssize_t n = recv(fd, inbox, size, MSG_WAITALL);
    if (n != (ssize_t)size)
        die("connection %u: %zd of %zu bytes came back%s%s", id, n, size, n < 0 ? ": " : "",
            n < 0 ? strerror(errno) : "");
    verify_bytes(inbox, slice_of(id, 1), size, id, 1, 0);
}

/* Connections `from` to `to`, some at a time, so that the two processes need not wait for each other each time. */
static void join(int port, unsigned from, unsigned to, size_t size)
{
    int fds[AT_ONCE];
    for (unsigned first = from; first < to; first += AT_ONCE) {
        unsigned end = first + AT_ONCE < to ? first + AT_ONCE : to;
        for (unsigned id = first; id < end; id++)
            fds[id - first] = enter(port, id, size);
        for (unsigned id = first; id < end; id++)
            await_echo(fds[id - first], id, size);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5 && argc != 6)
        die("usage: crowd PORT CONNECTIONS SIZE SERVER_PID [stay]");
    int port = atoi(argv[1]), pid = atoi(argv[4]);
    unsigned count = (unsigned)atoi(argv[2]);
    size_t size = (size_t)atol(argv[3]);
    inbox = malloc(size);
    make_pattern(size);
    join(port, 0, FIRST, size);
    usleep(SETTLING_US);
    long before = resident(pid);
    join(port, FIRST, FIRST + count, size);
    usleep(SETTLING_US);
    printf("{\"connections\": %u, \"before\": %ld, \"after\": %ld}\n", count, before, resident(pid));
    fflush(stdout);
    if (argc == 6)
        pause();
    return 0;
}
