/* The limit for sendfile: sends FILE to each connection by the bare system call, then closes; else as echo.c. */
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Non-blocking, as an event loop does it, but for one connection at a time. */
static void send_all(int connection, int file, off_t size)
{
    off_t offset = 0;
    while (offset < size) {
        ssize_t n = sendfile(connection, file, &offset, (size_t)(size - offset));
        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = connection, .events = POLLOUT}, 1, -1);
        else if (n <= 0)
            break;
    }
    close(connection);
}

int main(int argc, char **argv)
{
    struct stat about;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    int file = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0 || fstat(file, &about) != 0)
        die("usage: send_file FILE, which can be read");
    int listener = listen_tcp();
    for (;;) {
        poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, -1);
        int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection >= 0)
            send_all(connection, file, about.st_size);
    }
}
