/* Load generator: keeps CONNECTIONS echo conversations going and measures the server.
 *
 *     load PORT CONNECTIONS SIZE WARMUP SECONDS SERVER_PID
 *
 * Each connection has one message of SIZE bytes under way; when its echo is complete and right, the next one
 * leaves.  The measured window begins WARMUP seconds after the first message and lasts SECONDS.  The CPU time of
 * the process SERVER_PID (all its threads) is read at both ends of the window, so start-up and warm-up stay out.
 *
 * Every message is another slice of one random pattern, so stale, swapped, lost or changed bytes are noticed.
 * Result: one JSON object on standard output.  Any error: a sentence on standard error and exit status 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SPAN 4093             /* a prime: how many different slices of the pattern there are */
#define RECEIVE_SIZE 262144
#define EVENTS 256
#define PATIENCE_NS 5000000000ull   /* without any event for so long, the server is taken to hang */
#define CLOSING_NS 200000000ull      /* how long the server has to close after end of file */
#define SUB_BITS 5            /* 32 histogram buckets an octave: latencies are exact to about 3 % */
#define SUB (1u << SUB_BITS)
#define BUCKETS (60 * SUB)

typedef struct {
    int fd;
    unsigned id;
    bool wants_write;
    uint64_t number, started;
    size_t sent, received;
} Connection;

typedef struct {
    uint64_t wall, server, own;     /* nanoseconds */
} Clocks;

static int epoll_fd;
static size_t message_size;
static unsigned char *pattern, *inbox;
static bool measuring, stopping;
static unsigned under_way;
static uint64_t requests, slowest, histogram[BUCKETS];
static clockid_t server_clock;

static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0)
        die("the server process is gone (its CPU clock can't be read: %s)", strerror(errno));
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static Clocks read_clocks(void)
{
    return (Clocks){nanoseconds(CLOCK_MONOTONIC), nanoseconds(server_clock), nanoseconds(CLOCK_PROCESS_CPUTIME_ID)};
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

static void record(uint64_t latency)
{
    requests++;
    histogram[bucket_of(latency)]++;
    if (latency > slowest)
        slowest = latency;
}

/* --- one conversation --- */

static const unsigned char *message_of(const Connection *c)
{
    return pattern + (c->id * 131u + c->number * 17u) % SPAN;
}

static void watch(Connection *c, int operation, bool write)
{
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
    c->wants_write = write;
}

static void push(Connection *c)
{
    while (c->sent < message_size) {
        ssize_t n = send(c->fd, message_of(c) + c->sent, message_size - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            die("connection %u: sending failed: %s", c->id, strerror(errno));
        c->sent += (size_t)n;
    }
    bool more = c->sent < message_size;
    if (more != c->wants_write)
        watch(c, EPOLL_CTL_MOD, more);
}

static void begin_message(Connection *c)
{
    c->sent = c->received = 0;
    c->number++;
    c->started = nanoseconds(CLOCK_MONOTONIC);
    push(c);
}

static void verify(const Connection *c, size_t count)
{
    const unsigned char *expected = message_of(c) + c->received;
    if (c->received + count > message_size)
        die("connection %u, message %llu: %zu bytes came back, more than the %zu sent", c->id,
            (unsigned long long)c->number, c->received + count, message_size);
    if (memcmp(inbox, expected, count) == 0)
        return;
    size_t i = 0;
    while (inbox[i] == expected[i])
        i++;
    die("connection %u, message %llu: wrong byte at offset %zu (expected 0x%02x, got 0x%02x)", c->id,
        (unsigned long long)c->number, c->received + i, expected[i], inbox[i]);
}

static void pull(Connection *c)
{
    ssize_t n = recv(c->fd, inbox, RECEIVE_SIZE, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0)
        die("connection %u: receiving failed: %s", c->id, strerror(errno));
    if (n == 0)
        die("connection %u: closed by the server after %zu of %zu bytes of message %llu", c->id, c->received,
            message_size, (unsigned long long)c->number);
    verify(c, (size_t)n);
    c->received += (size_t)n;
    if (c->received < message_size)
        return;
    if (measuring)
        record(nanoseconds(CLOCK_MONOTONIC) - c->started);
    if (stopping)
        under_way--;
    else
        begin_message(c);
}

/* --- the run --- */

static void turn(void)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll_fd, events, EVENTS, (int)(PATIENCE_NS / 1000000));
    if (count == 0)
        die("no answer for %llu s; %u messages of %zu bytes are under way",
            PATIENCE_NS / 1000000000ull, under_way, message_size);
    if (count < 0 && errno != EINTR)
        die("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        Connection *c = events[i].data.ptr;
        if (events[i].events & EPOLLOUT)
            push(c);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            pull(c);
    }
}

static uint64_t turn_until(uint64_t deadline)
{
    uint64_t now;
    do {
        turn();
        now = nanoseconds(CLOCK_MONOTONIC);
    } while (now < deadline);
    return now;
}

static void connect_one(Connection *c, unsigned id, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->id = id;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("connection %u to port %d: %s", id, port, strerror(errno));
    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 || ioctl(c->fd, FIONBIO, &one) != 0)
        die("connection %u: %s", id, strerror(errno));
}

/* All echoes are in: end of file to every connection.  The server may send nothing more and should close. */
static unsigned finish(const Connection *connections, unsigned count)
{
    uint64_t deadline = nanoseconds(CLOCK_MONOTONIC) + CLOSING_NS;
    unsigned open = count;
    for (unsigned i = 0; i < count; i++)
        if (shutdown(connections[i].fd, SHUT_WR) != 0)
            die("connection %u: shutdown: %s", i, strerror(errno));
    while (open > 0 && nanoseconds(CLOCK_MONOTONIC) < deadline) {
        struct epoll_event event;
        if (epoll_wait(epoll_fd, &event, 1, (int)(CLOSING_NS / 1000000)) != 1)
            continue;
        const Connection *c = event.data.ptr;
        ssize_t n = recv(c->fd, inbox, RECEIVE_SIZE, 0);
        if (n > 0)
            die("connection %u: %zd bytes too many after the last message", c->id, n);
        if (n < 0 && errno != EAGAIN)
            die("connection %u: broken after end of file: %s", c->id, strerror(errno));
        if (n == 0) {
            close(c->fd);
            open--;
        }
    }
    return open;
}

static void print_result(Clocks from, Clocks to, unsigned left_open)
{
    printf("{\"requests\": %llu, \"seconds\": %.9f, \"server_cpu\": %.9f, \"generator_cpu\": %.9f, ",
           (unsigned long long)requests, (double)(to.wall - from.wall) / 1e9, (double)(to.server - from.server) / 1e9,
           (double)(to.own - from.own) / 1e9);
    printf("\"left_open\": %u, ", left_open);
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

static void prepare(int pid)
{
    if (pid <= 0 || clock_getcpuclockid((pid_t)pid, &server_clock) != 0)
        die("there is no process %d to measure", pid);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pattern = malloc(message_size + SPAN);
    inbox = malloc(RECEIVE_SIZE);
    if (epoll_fd < 0 || pattern == NULL || inbox == NULL)
        die("no resources: %s", strerror(errno));
    uint64_t state = 0x9e3779b97f4a7c15ull;
    for (size_t i = 0; i < message_size + SPAN; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        pattern[i] = (unsigned char)(state >> 32);
    }
}

int main(int argc, char **argv)
{
    if (argc != 7)
        die("usage: load PORT CONNECTIONS SIZE WARMUP SECONDS SERVER_PID");
    unsigned count = (unsigned)atoi(argv[2]);
    message_size = (size_t)atol(argv[3]);
    uint64_t warmup = (uint64_t)(atof(argv[4]) * 1e9), window = (uint64_t)(atof(argv[5]) * 1e9);
    Connection *connections = calloc(count, sizeof *connections);
    if (count == 0 || message_size == 0 || window == 0 || connections == NULL)
        die("CONNECTIONS, SIZE and SECONDS must be greater than zero");
    prepare(atoi(argv[6]));

    for (unsigned i = 0; i < count; i++)
        connect_one(&connections[i], i, atoi(argv[1]));
    under_way = count;
    for (unsigned i = 0; i < count; i++) {
        watch(&connections[i], EPOLL_CTL_ADD, false);
        begin_message(&connections[i]);
    }
    uint64_t now = turn_until(nanoseconds(CLOCK_MONOTONIC) + warmup);
    Clocks from = read_clocks();
    measuring = true;
    turn_until(now + window);
    Clocks to = read_clocks();
    measuring = false;
    stopping = true;
    while (under_way > 0)
        turn();
    print_result(from, to, finish(connections, count));
    return 0;
}
