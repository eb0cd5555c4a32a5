/* Visit generator: connections that are opened, served once and closed, over and over.
 *
 *     visits PORT SLOTS SIZE WARMUP SECONDS SERVER_PID
 *
 * SLOTS visits are under way at any time.  Each connects, sends one message of SIZE bytes, compares its echo,
 * says that no more follows, and waits until the server has closed; its latency is that of the whole visit.
 * Linked with wire_tls.c each visit begins with a full TLS handshake (no session is resumed).  The source
 * addresses 127.0.0.1 to .250 take turns, so that ports in TIME_WAIT do not run out.  Else as load.c.
 */
#define _GNU_SOURCE
#include "measure.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define EVENTS 64
#define RECEIVE_SIZE 65536
#define HOSTS 250

typedef struct {
    Wire *wire;
    int fd;
    unsigned id;
    uint64_t number, started;
    size_t sent, received;
} Visit;

static int epoll_fd, port;
static size_t message_size;
static unsigned char inbox[RECEIVE_SIZE];
static bool measuring;

static void push(Visit *v)
{
    while (v->sent < message_size) {
        ssize_t n = wire_write(v->wire, slice_of(v->id, v->number) + v->sent, message_size - v->sent);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            die("visit %llu of %u: sending failed: %s", (unsigned long long)v->number, v->id, strerror(errno));
        v->sent += (size_t)n;
    }
}

static void begin(Visit *v)
{
    v->number++;
    v->sent = v->received = 0;
    v->started = now_ns();
    v->fd = connect_tcp(port, v->id, 1 + (unsigned)(v->number % HOSTS));
    set_nonblocking(v->fd);
    v->wire = wire_open(v->fd);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = v};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, v->fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
}

static void end(Visit *v)
{
    if (v->received < message_size)
        die("visit %llu of %u: closed by the server after %zu of %zu bytes", (unsigned long long)v->number, v->id,
            v->received, message_size);
    wire_close(v->wire);
    if (measuring)
        record(now_ns() - v->started);
    begin(v);
}

/* Edge-triggered: read until there is no more.  Returns false when the visit has ended. */
static bool pull(Visit *v)
{
    for (;;) {
        ssize_t n = wire_read(v->wire, inbox, RECEIVE_SIZE);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0)
            die("visit %llu of %u: receiving failed: %s", (unsigned long long)v->number, v->id, strerror(errno));
        if (n == 0)
            return false;
        if (v->received + (size_t)n > message_size)
            die("visit %llu of %u: %zu bytes came back, more than the %zu sent", (unsigned long long)v->number,
                v->id, v->received + (size_t)n, message_size);
        verify_bytes(inbox, slice_of(v->id, v->number) + v->received, (size_t)n, v->id, v->number, v->received);
        v->received += (size_t)n;
        if (v->received == message_size && wire_finish(v->wire) != 0)
            die("visit %llu of %u: shutdown: %s", (unsigned long long)v->number, v->id, strerror(errno));
    }
}

static uint64_t turn_until(uint64_t deadline)
{
    uint64_t now;
    do {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll_fd, events, EVENTS, (int)(PATIENCE_NS / 1000000));
        if (count == 0)
            die("no answer for %llu s: connections are not accepted, not answered, or not closed after end of file",
                PATIENCE_NS / 1000000000ull);
        if (count < 0 && errno != EINTR)
            die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < count; i++) {
            Visit *v = events[i].data.ptr;
            push(v);
            if (!pull(v))
                end(v);
            else if (v->sent < message_size)
                push(v);                     /* the handshake may have been completed by what was read */
        }
        now = now_ns();
    } while (now < deadline);
    return now;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        die("usage: visits PORT SLOTS SIZE WARMUP SECONDS SERVER_PID");
    port = atoi(argv[1]);
    unsigned slots = (unsigned)atoi(argv[2]);
    message_size = (size_t)atol(argv[3]);
    uint64_t warmup = (uint64_t)(atof(argv[4]) * 1e9), window = (uint64_t)(atof(argv[5]) * 1e9);
    Visit *visits = calloc(slots, sizeof *visits);
    if (slots == 0 || message_size == 0 || window == 0 || visits == NULL)
        die("SLOTS, SIZE and SECONDS must be greater than zero");
    measure_process(atoi(argv[6]));
    make_pattern(message_size);
    wire_setup(NULL);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    for (unsigned i = 0; i < slots; i++) {
        visits[i].id = i;
        begin(&visits[i]);
    }
    uint64_t now = turn_until(now_ns() + warmup);
    Clocks from = read_clocks();
    measuring = true;
    turn_until(now + window);
    print_result(from, read_clocks(), "\"left_open\": 0, ");
    return 0;
}
