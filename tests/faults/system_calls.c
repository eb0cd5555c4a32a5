/* Loaded before the C library: system calls on non-blocking sockets and pipes that are interrupted, refused or cut
   short at random. FAULTY_CALLS is the seed, FAULTY_CALLS_LOG a file to which each process adds how many there were.

   Whatever is done here is what a kernel may do. Blocking descriptors are left alone, and datagrams are never cut. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ONE_IN = 4 };  /* so many calls meet a fault */

static unsigned state = 1;
static unsigned long interrupted, refused, cut;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void)
{
    const char *seed = getenv("FAULTY_CALLS");
    if (seed)
        state = (unsigned)strtoul(seed, NULL, 10) + 1;
}

__attribute__((destructor)) static void end(void)
{
    const char *name = getenv("FAULTY_CALLS_LOG");
    FILE *log = name ? fopen(name, "a") : NULL;
    if (log) {
        fprintf(log, "%lu %lu %lu\n", interrupted, refused, cut);
        fclose(log);
    }
}

static unsigned draw(unsigned below)
{
    return (unsigned)rand_r(&state) % below;
}

/* Streams may be cut short: 1. Datagrams and the like may not: 0. What blocks, and files, are left alone: -1. */
static int kind_of(int fd)
{
    int saved = errno, kind = -1, type = 0, flags = fcntl(fd, F_GETFL);
    socklen_t size = sizeof(type);
    struct stat info;
    if (flags >= 0 && flags & O_NONBLOCK) {
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0)
            kind = type == SOCK_STREAM;
        else if (fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode))
            kind = 1;
    }
    errno = saved;
    return kind;
}

/* Whether the call fails, with errno set; if not, how much of it is let through. */
static int fails(int fd, size_t *amount, int may_cut)
{
    int kind = kind_of(fd);
    if (kind < 0 || draw(ONE_IN))
        return 0;
    switch (draw(3)) {
    case 0:
        interrupted++;
        errno = EINTR;
        return 1;
    case 1:
        refused++;
        errno = EAGAIN;
        return 1;
    default:
        if ((kind || may_cut) && *amount > 1) {
            cut++;
            *amount = 1 + draw(*amount > 5000 && draw(2) ? 5000 : (unsigned)(*amount - 1));
        }
        return 0;
    }
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    return !(flags & MSG_PEEK) && fails(fd, &size, 0) ? -1 : REAL(recv)(fd, buffer, size, flags);
}

ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, __SOCKADDR_ARG address, socklen_t *length)
{
    return fails(fd, &size, 0) ? -1 : REAL(recvfrom)(fd, buffer, size, flags, address, length);
}

ssize_t read(int fd, void *buffer, size_t size)
{
    return fails(fd, &size, 0) ? -1 : REAL(read)(fd, buffer, size);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    return fails(fd, &size, 0) ? -1 : REAL(send)(fd, data, size, flags);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    return fails(fd, &size, 0) ? -1 : REAL(sendto)(fd, data, size, flags, address, length);
}

ssize_t write(int fd, const void *data, size_t size)
{
    return fails(fd, &size, 0) ? -1 : REAL(write)(fd, data, size);
}

/* The pieces that `size` bytes reach into, in a copy: the caller's are not ours to change. */
static size_t cut_pieces(const struct iovec *pieces, size_t count, size_t size, struct iovec *copies)
{
    size_t used = 0;
    while (used < count && size > 0) {
        copies[used] = pieces[used];
        if (copies[used].iov_len > size)
            copies[used].iov_len = size;
        size -= copies[used++].iov_len;
    }
    return used;
}

static size_t total(const struct iovec *pieces, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += pieces[i].iov_len;
    return size;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    struct iovec copies[1024];
    size_t whole = total(pieces, (size_t)count), size = whole;
    if (fails(fd, &size, 0))
        return -1;
    if (size == whole || count > 1024)
        return REAL(writev)(fd, pieces, count);
    return REAL(writev)(fd, copies, (int)cut_pieces(pieces, (size_t)count, size, copies));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec copies[1024];
    struct msghdr copy = *message;
    size_t whole = total(message->msg_iov, message->msg_iovlen), size = whole;
    if (fails(fd, &size, 0))
        return -1;
    if (size == whole || message->msg_iovlen > 1024)
        return REAL(sendmsg)(fd, message, flags);
    copy.msg_iov = copies;
    copy.msg_iovlen = cut_pieces(message->msg_iov, message->msg_iovlen, size, copies);
    return REAL(sendmsg)(fd, &copy, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    size_t some = count;
    return fails(fd, &some, 1) ? -1 : REAL(sendmmsg)(fd, messages, (unsigned)some, flags);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    size_t some = count;
    return fails(fd, &some, 1) ? -1 : REAL(recvmmsg)(fd, messages, (unsigned)some, flags, timeout);
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags)
{
    size_t none = 0;
    return fails(fd, &none, 0) ? -1 : REAL(accept4)(fd, address, length, flags);
}

/* Interrupted, or the readiness of some descriptors is told a turn later. */
int epoll_wait(int epoll, struct epoll_event *events, int size, int milliseconds)
{
    if (draw(ONE_IN) == 0) {
        if (draw(2)) {
            interrupted++;
            errno = EINTR;
            return -1;
        }
        cut++;
        size = 1;
    }
    return REAL(epoll_wait)(epoll, events, size, milliseconds);
}
