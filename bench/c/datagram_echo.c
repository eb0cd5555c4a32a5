/* The limit for datagrams: a UDP echo server of bare epoll, recvmmsg and sendmmsg; else as echo.c. */
#define _GNU_SOURCE
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define BATCH 64
#define SIZE 65536

static unsigned char inbox[BATCH][SIZE];
static struct sockaddr_in peers[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static int open_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0
        || getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("binding: %s", strerror(errno));
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* One batch: everything goes back to where it came from; what the kernel refuses is lost. */
static void answer(int fd)
{
    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){inbox[i], SIZE};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i], .msg_namelen = sizeof peers[i],
                                              .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (count < 0 && errno != EAGAIN)
        die("receiving: %s", strerror(errno));
    for (int i = 0; i < count; i++)
        parts[i].iov_len = messages[i].msg_len;
    if (count > 0)
        sendmmsg(fd, messages, (unsigned)count, 0);
}

int main(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open_socket(), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
    for (;;)
        if (epoll_wait(epoll_fd, &event, 1, -1) == 1)
            answer(fd);
}
