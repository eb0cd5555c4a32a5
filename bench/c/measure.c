/* What all load generators share; see measure.h. */
#define _GNU_SOURCE
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SUB_BITS 5            /* 32 histogram buckets an octave: latencies are exact to about 3 % */
#define SUB (1u << SUB_BITS)
#define BUCKETS (60 * SUB)

static clockid_t server_clock = CLOCK_PROCESS_CPUTIME_ID;
static unsigned char *pattern;
static uint64_t requests, slowest, histogram[BUCKETS];

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

/* --- clocks --- */

void measure_process(int pid)
{
    if (pid <= 0 || clock_getcpuclockid((pid_t)pid, &server_clock) != 0)
        die("there is no process %d to measure", pid);
}

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0)
        die("the server process is gone (its CPU clock can't be read: %s)", strerror(errno));
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void)
{
    return nanoseconds(CLOCK_MONOTONIC);
}

Clocks read_clocks(void)
{
    return (Clocks){now_ns(), nanoseconds(server_clock), nanoseconds(CLOCK_PROCESS_CPUTIME_ID)};
}

/* --- latency histogram: linear below 32 ns, then 32 buckets an octave --- */

static unsigned bucket_of(uint64_t value)
{
    if (value < SUB)
        return (unsigned)value;
    unsigned octave = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return (octave + 1) * SUB + (unsigned)((value >> octave) & (SUB - 1));
}

static uint64_t bucket_start(unsigned bucket)
{
    if (bucket < SUB)
        return bucket;
    return (uint64_t)(SUB + bucket % SUB) << (bucket / SUB - 1);
}

static double percentile(double fraction)
{
    uint64_t rank = (uint64_t)(fraction * (double)requests), seen = 0;
    for (unsigned b = 0; b < BUCKETS; b++) {
        seen += histogram[b];
        if (seen > rank)
            return (double)(bucket_start(b) + bucket_start(b + 1)) / 2.0;
    }
    return (double)slowest;
}

void record(uint64_t latency)
{
    requests++;
    histogram[bucket_of(latency)]++;
    if (latency > slowest)
        slowest = latency;
}

uint64_t recorded(void)
{
    return requests;
}

/* --- what is sent --- */

void make_pattern(size_t size)
{
    pattern = malloc(size + SPAN);
    if (pattern == NULL)
        die("no memory for messages of %zu bytes", size);
    uint64_t state = 0x9e3779b97f4a7c15ull;
    for (size_t i = 0; i < size + SPAN; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        pattern[i] = (unsigned char)(state >> 32);
    }
}

const unsigned char *slice_of(unsigned id, uint64_t number)
{
    return pattern + (id * 131u + number * 17u) % SPAN;
}

void verify_bytes(const unsigned char *data, const unsigned char *expected, size_t count, unsigned id,
                  uint64_t number, size_t offset)
{
    if (memcmp(data, expected, count) == 0)
        return;
    size_t i = 0;
    while (data[i] == expected[i])
        i++;
    die("connection %u, message %llu: wrong byte at offset %zu (expected 0x%02x, got 0x%02x)", id,
        (unsigned long long)number, offset + i, expected[i], data[i]);
}

/* --- the result --- */

void print_result(Clocks from, Clocks to, const char *extra)
{
    printf("{\"requests\": %llu, \"seconds\": %.9f, \"server_cpu\": %.9f, \"generator_cpu\": %.9f, ",
           (unsigned long long)requests, (double)(to.wall - from.wall) / 1e9, (double)(to.server - from.server) / 1e9,
           (double)(to.own - from.own) / 1e9);
    fputs(extra, stdout);
    printf("\"p50_us\": %.3f, \"p90_us\": %.3f, \"p99_us\": %.3f, \"max_us\": %.3f, \"histogram\": [",
           percentile(0.50) / 1e3, percentile(0.90) / 1e3, percentile(0.99) / 1e3, (double)slowest / 1e3);
    const char *comma = "";
    for (unsigned b = 0; b < BUCKETS; b++) {
        if (histogram[b] == 0)
            continue;
        printf("%s[%.3f, %llu]", comma, (double)bucket_start(b) / 1e3, (unsigned long long)histogram[b]);
        comma = ", ";
    }
    puts("]}");
}

/* --- sockets --- */

int connect_tcp(int port, unsigned id, unsigned host)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) != 0
        || bind(fd, (struct sockaddr *)&source, sizeof source) != 0
        || connect(fd, (struct sockaddr *)&target, sizeof target) != 0
        || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
        die("connection %u to port %d: %s", id, port, strerror(errno));
    return fd;
}

#define UNIX "unix:"

static struct sockaddr_un unix_address(const char *address)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    const char *path = address + sizeof UNIX - 1;
    if (strlen(path) >= sizeof there.sun_path)
        die("%s is too long a path for a socket", path);
    strcpy(there.sun_path, path);
    return there;
}

int connect_to(const char *address, unsigned id)
{
    if (strncmp(address, UNIX, sizeof UNIX - 1) != 0)
        return connect_tcp(atoi(address), id, 1);
    struct sockaddr_un there = unix_address(address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&there, sizeof there) != 0)
        die("connection %u to %s: %s", id, address, strerror(errno));
    return fd;
}

void set_nonblocking(int fd)
{
    int one = 1;
    if (ioctl(fd, FIONBIO, &one) != 0)
        die("a socket can't be made non-blocking: %s", strerror(errno));
}

int listen_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1024) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        die("listening: %s", strerror(errno));
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int listen_unix(const char *address)
{
    struct sockaddr_un here = unix_address(address);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(listener, 1024) != 0)
        die("listening at %s: %s", address, strerror(errno));
    printf("{\"port\": \"%s\"}\n", address);
    fflush(stdout);
    return listener;
}
