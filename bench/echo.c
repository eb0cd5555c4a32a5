/* The limit: a TCP echo server of bare epoll, recv and send, for the event loops to be compared with.
 *
 * It listens on a free port of the loopback address, prints {"port": N} and serves until it is killed; it dies
 * with the process that started it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_SIZE 65536
#define EVENTS 256

/* What the kernel did not take yet is kept in `rest`; while there is a rest nothing is read. */
typedef struct {
    int fd;
    size_t rest_start, rest_end;
    char *rest;
} Connection;

static int epoll_fd;
static char inbox[RECEIVE_SIZE];

static void fail(const char *what)
{
    fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(Connection *c, int operation, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event) != 0)
        fail("epoll_ctl");
}

static void drop(Connection *c)
{
    close(c->fd);
    free(c->rest);
    free(c);
}

static void keep_rest(Connection *c, const char *data, size_t size)
{
    if (c->rest == NULL && (c->rest = malloc(RECEIVE_SIZE)) == NULL)
        fail("malloc");
    memcpy(c->rest, data, size);
    c->rest_start = 0;
    c->rest_end = size;
    watch(c, EPOLL_CTL_MOD, EPOLLOUT);
}

static void on_readable(Connection *c)
{
    ssize_t received = recv(c->fd, inbox, sizeof inbox, 0);
    if (received < 0 && errno == EAGAIN)
        return;
    if (received <= 0) {
        drop(c);
        return;
    }
    ssize_t sent = send(c->fd, inbox, (size_t)received, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        drop(c);
    else if (sent < received)
        keep_rest(c, inbox + (sent > 0 ? sent : 0), (size_t)(received - (sent > 0 ? sent : 0)));
}

static void on_writable(Connection *c)
{
    ssize_t sent = send(c->fd, c->rest + c->rest_start, c->rest_end - c->rest_start, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN)
        return;
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
        fail("calloc");
    c->fd = fd;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static int open_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1024) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        fail("listening");
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        fail("epoll_create1");
    Connection listener = {.fd = open_listener()};
    watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll_fd, events, EVENTS, -1);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait");
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
