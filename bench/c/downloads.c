/* Download generator: takes what the server sends, one connection after the other, and throws it away.
 *
 *     downloads PORT SIZE WARMUP SECONDS SERVER_PID
 *
 * Each connection must bring exactly SIZE bytes and then the end of the stream.  The bytes are discarded in the
 * kernel (MSG_TRUNC), so nothing but their number is checked.  After at least one download, and WARMUP seconds of
 * them, whole downloads are measured, at least one, until SECONDS have passed.  "requests" counts them.  Else as load.c.
 */
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CHUNK (1 << 24)

static void download(int port, uint64_t size)
{
    struct timeval patience = {.tv_sec = (time_t)(PATIENCE_NS / 1000000000ull)};
    int fd = connect_tcp(port, 0, 1);
    uint64_t received = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
        die("setsockopt: %s", strerror(errno));
    for (;;) {
        ssize_t n = recv(fd, NULL, CHUNK, MSG_TRUNC);
        if (n < 0)
            die("after %llu of %llu bytes: %s", (unsigned long long)received, (unsigned long long)size,
                errno == EAGAIN ? "nothing came for 5 s" : strerror(errno));
        if (n == 0)
            break;
        received += (uint64_t)n;
    }
    if (received != size)
        die("%llu bytes came instead of %llu", (unsigned long long)received, (unsigned long long)size);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        die("usage: downloads PORT SIZE WARMUP SECONDS SERVER_PID");
    int port = atoi(argv[1]);
    uint64_t size = strtoull(argv[2], NULL, 10);
    uint64_t warmup = (uint64_t)(atof(argv[3]) * 1e9), window = (uint64_t)(atof(argv[4]) * 1e9);
    measure_process(atoi(argv[5]));
    uint64_t begin = now_ns();
    do
        download(port, size);
    while (now_ns() < begin + warmup);
    Clocks from = read_clocks(), to;
    do {
        begin = now_ns();
        download(port, size);
        record(now_ns() - begin);
        to = read_clocks();
    } while (to.wall < from.wall + window);
    print_result(from, to, "\"left_open\": 0, ");
    return 0;
}
