/* The limit: a TCP echo server of bare epoll, recv and send, for the event loops to be compared with.
 *
 *     echo [unix:PATH]
 *     echo_tls CERTIFICATE
 *
 * It listens on a free port of the loopback address, or at PATH, prints {"port": N} and serves until it is killed; it
 * dies with the process that started it.  Linked with wire_tls.c it speaks TLS and takes a file with key and
 * certificate.
 */
#define _GNU_SOURCE
#include "measure.h"
#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define RECEIVE_SIZE 262144             /* more at a time than any of the loops: a limit for large messages, too */
#define EVENTS 256

/* What the kernel did not take yet is kept in `rest`; while there is a rest nothing is read. */
typedef struct {
    int fd;
    Wire *wire;
    size_t rest_start, rest_end;
    char *rest;
} Connection;

static int epoll_fd;
static char inbox[RECEIVE_SIZE];

static void watch(Connection *c, int operation, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
}

static void drop(Connection *c)
{
    wire_close(c->wire);
    free(c->rest);
    free(c);
}

/* Returns how much was sent, or -1 when the connection is broken. */
static ssize_t push(Connection *c, const char *data, size_t size)
{
    size_t sent = 0;
    while (sent < size) {
        ssize_t n = wire_write(c->wire, data + sent, size - sent);
        if (n < 0)
            return errno == EAGAIN ? (ssize_t)sent : -1;
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}

static void keep_rest(Connection *c, const char *data, size_t size)
{
    if (c->rest == NULL && (c->rest = malloc(RECEIVE_SIZE)) == NULL)
        die("no memory");
    memcpy(c->rest, data, size);
    c->rest_start = 0;
    c->rest_end = size;
    watch(c, EPOLL_CTL_MOD, EPOLLOUT);
}

static void on_readable(Connection *c)
{
    ssize_t received = wire_read(c->wire, inbox, sizeof inbox);
    if (received < 0 && errno == EAGAIN)
        return;
    if (received <= 0) {
        drop(c);
        return;
    }
    ssize_t sent = push(c, inbox, (size_t)received);
    if (sent < 0)
        drop(c);
    else if (sent < received)
        keep_rest(c, inbox + sent, (size_t)(received - sent));
}

static void on_writable(Connection *c)
{
    ssize_t sent = push(c, c->rest + c->rest_start, c->rest_end - c->rest_start);
    if (sent < 0) {
        drop(c);
        return;
    }
    c->rest_start += (size_t)sent;
    if (c->rest_start == c->rest_end)
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void accept_one(int listener)
{
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    Connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        die("no memory");
    c->fd = fd;
    c->wire = wire_open(fd);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    wire_setup(argc > 1 ? argv[1] : NULL);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bool at_path = argc > 1 && strncmp(argv[1], "unix:", 5) == 0;
    Connection listener = {.fd = at_path ? listen_unix(argv[1]) : listen_tcp()};
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        if (count < 0 && errno != EINTR)
            die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < count; i++) {
            Connection *c = events[i].data.ptr;
            if (c == &listener)
                accept_one(listener.fd);
            else if (events[i].events & EPOLLOUT)
                on_writable(c);
            else
                on_readable(c);
        }
    }
}
