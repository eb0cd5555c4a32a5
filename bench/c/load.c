/* Load generator: keeps CONNECTIONS conversations going and measures the server.
 *
 *     load ADDRESS CONNECTIONS SIZE WARMUP SECONDS SERVER_PID [DIALECT]
 *
 * ADDRESS is a port of the loopback address, or unix:PATH.  Each connection has one message of SIZE bytes under way;
 * when its answer is complete and right, the next one leaves.  DIALECT (dialect.h) says what is sent, and what must
 * come back: the same bytes, unless told otherwise.  The measured window begins WARMUP seconds after the first message and lasts SECONDS.  The CPU time of
 * the process SERVER_PID (all its threads) is read at both ends of the window, so start-up and warm-up stay out.
 *
 * Every message is another slice of one random pattern, so stale, swapped, lost or changed bytes are noticed.
 * Result: one JSON object on standard output.  Any error: a sentence on standard error and exit status 1.
 * Linked with wire_tls.c it speaks TLS.
 */
#define _GNU_SOURCE
#include "dialect.h"
#include "measure.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define RECEIVE_SIZE 262144
#define EVENTS 256
#define CLOSING_NS 200000000ull      /* how long the server has to close after end of file */

typedef struct {
    Wire *wire;
    int fd;
    unsigned id;
    bool wants_write;
    uint64_t number, started;
    size_t sent, received;
    Exchange exchange;
} Connection;

static int epoll_fd;
static unsigned char inbox[RECEIVE_SIZE];
static bool measuring, stopping;
static unsigned under_way;

/* --- one conversation --- */

static void watch(Connection *c, int operation, bool write)
{
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
    c->wants_write = write;
}

static void push(Connection *c)
{
    const Exchange *e = &c->exchange;
    bool more = false;
    while (c->sent < e->out_size && !more) {
        ssize_t n = wire_write(c->wire, e->out + c->sent, e->out_size - c->sent);
        if (n >= 0)
            c->sent += (size_t)n;
        else if (errno == EAGAIN)
            more = true;
        else
            die("connection %u: sending failed: %s", c->id, strerror(errno));
    }
    bool wants_write = more && wire_wants_write(c->wire);
    if (wants_write != c->wants_write)
        watch(c, EPOLL_CTL_MOD, wants_write);
}

static void begin_message(Connection *c)
{
    c->sent = c->received = 0;
    compose(&c->exchange, c->id, ++c->number);
    c->started = now_ns();
    push(c);
}

static void take(Connection *c, size_t count)
{
    Exchange *e = &c->exchange;
    size_t head = take_head(e, inbox, count, c->id);
    count -= head;
    if (c->received + count > e->answer_size)
        die("connection %u, message %llu: %zu bytes came back, more than the %zu expected", c->id,
            (unsigned long long)c->number, c->received + count, e->answer_size);
    verify_bytes(inbox + head, e->answer + c->received, count, c->id, c->number, c->received);
    c->received += count;
}

static void pull(Connection *c)
{
    ssize_t n = wire_read(c->wire, inbox, RECEIVE_SIZE);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0)
        die("connection %u: receiving failed: %s", c->id, strerror(errno));
    if (n == 0)
        die("connection %u: closed by the server after %zu of %zu bytes of message %llu", c->id, c->received,
            c->exchange.answer_size, (unsigned long long)c->number);
    take(c, (size_t)n);
    if (c->received < c->exchange.answer_size)
        return;
    if (measuring)
        record(now_ns() - c->started);
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
        die("no answer for %llu s; %u messages are under way", PATIENCE_NS / 1000000000ull, under_way);
    if (count < 0 && errno != EINTR)
        die("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        Connection *c = events[i].data.ptr;
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            pull(c);
        if (c->sent < c->exchange.out_size)  /* after reading: TLS may have had to read before it can write */
            push(c);
    }
}

static uint64_t turn_until(uint64_t deadline)
{
    uint64_t now;
    do {
        turn();
        now = now_ns();
    } while (now < deadline);
    return now;
}

static void connect_one(Connection *c, unsigned id, const char *address)
{
    c->id = id;
    c->fd = connect_to(address, id);
    c->wire = wire_open(c->fd);
    open_dialogue(c->wire, id);
    set_nonblocking(c->fd);
}

/* All answers are in: end of file to every connection.  The server should close, and send nothing more unless the
 * dialect has words of farewell. */
static unsigned finish(const Connection *connections, unsigned count)
{
    uint64_t deadline = now_ns() + CLOSING_NS;
    unsigned open = count;
    bool farewell = false;
    for (unsigned i = 0; i < count; i++) {
        farewell = close_dialogue(connections[i].wire);
        if (wire_finish(connections[i].wire) != 0)
            die("connection %u: shutdown: %s", i, strerror(errno));
    }
    while (open > 0 && now_ns() < deadline) {
        struct epoll_event event;
        if (epoll_wait(epoll_fd, &event, 1, (int)(CLOSING_NS / 1000000)) != 1)
            continue;
        const Connection *c = event.data.ptr;
        ssize_t n = wire_read(c->wire, inbox, RECEIVE_SIZE);
        if (n > 0 && !farewell)
            die("connection %u: %zd bytes too many after the last message", c->id, n);
        if (n < 0 && errno != EAGAIN)
            die("connection %u: broken after end of file: %s", c->id, strerror(errno));
        if (n == 0) {
            wire_close(c->wire);
            open--;
        }
    }
    return open;
}

int main(int argc, char **argv)
{
    if (argc != 7 && argc != 8)
        die("usage: load ADDRESS CONNECTIONS SIZE WARMUP SECONDS SERVER_PID [DIALECT]");
    unsigned count = (unsigned)atoi(argv[2]);
    size_t message_size = (size_t)atol(argv[3]);
    uint64_t warmup = (uint64_t)(atof(argv[4]) * 1e9), window = (uint64_t)(atof(argv[5]) * 1e9);
    Connection *connections = calloc(count, sizeof *connections);
    if (count == 0 || message_size == 0 || window == 0 || connections == NULL)
        die("CONNECTIONS, SIZE and SECONDS must be greater than zero");
    measure_process(atoi(argv[6]));
    make_pattern(message_size);
    choose_dialect(argc == 8 ? argv[7] : "echo", message_size);
    wire_setup(NULL);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    for (unsigned i = 0; i < count; i++)
        connect_one(&connections[i], i, argv[1]);
    under_way = count;
    for (unsigned i = 0; i < count; i++) {
        watch(&connections[i], EPOLL_CTL_ADD, false);
        begin_message(&connections[i]);
    }
    uint64_t now = turn_until(now_ns() + warmup);
    Clocks from = read_clocks();
    measuring = true;
    turn_until(now + window);
    Clocks to = read_clocks();
    measuring = false;
    stopping = true;
    while (under_way > 0)
        turn();
    char left_open[40];
    snprintf(left_open, sizeof left_open, "\"left_open\": %u, ", finish(connections, count));
    print_result(from, to, left_open);
    return 0;
}
