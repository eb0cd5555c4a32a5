/* Datagram generator: keeps CONVERSATIONS of UDP echoes going and measures the server.
 *
 *     datagrams PORT CONVERSATIONS SIZE WARMUP SECONDS SERVER_PID
 *
 * The conversations are spread over up to SOCKETS client sockets; each has one datagram of SIZE bytes under way,
 * which begins with the conversation and the number of the message.  What is due on one socket is received by one
 * recvmmsg and answered by one sendmmsg.  Datagrams may be lost: one without an echo for RESEND_NS is sent again and
 * counted in "lost"; an echo that comes after that is ignored.  A changed, cut or foreign datagram is an error.
 * Else as load.c.
 */
#define _GNU_SOURCE
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SOCKETS 4
#define BATCH 64
#define MAX_SIZE 65507
#define RESEND_NS 100000000ull

typedef struct {
    uint32_t id, number;
} Header;

typedef struct {
    Header header;
    uint64_t first_sent, last_sent;
} Conversation;

static int epoll_fd, sockets[SOCKETS];
static unsigned count, lost;
static size_t message_size, body_size;
static Conversation *conversations;
static unsigned char *inboxes[BATCH];
static uint64_t last_answer;
static bool measuring;

/* Send what these conversations have under way, all on one socket, by as few calls as possible. */
static void send_all(int fd, Conversation **due, unsigned number)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH][2];
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < number; i++) {
        Header *header = &due[i]->header;
        parts[i][0] = (struct iovec){header, sizeof *header};
        parts[i][1] = (struct iovec){(void *)slice_of(header->id, header->number), body_size};
        messages[i].msg_hdr.msg_iov = parts[i];
        messages[i].msg_hdr.msg_iovlen = 2;
        due[i]->last_sent = now_ns();
    }
    unsigned sent = 0;
    while (sent < number) {
        int n = sendmmsg(fd, messages + sent, number - sent, 0);
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
            return;                          /* as if lost: it is sent again later */
        if (n < 0)
            die("sending failed: %s", strerror(errno));
        sent += (unsigned)n;
    }
}

static void next_message(Conversation *c)
{
    c->header.number++;
    c->first_sent = now_ns();
}

/* The conversation that this datagram answers, or NULL when it comes too late. */
static Conversation *answered(const unsigned char *data, size_t size)
{
    Header header;
    if (size != message_size)
        die("a datagram of %zu bytes came back, %zu were sent", size, message_size);
    memcpy(&header, data, sizeof header);
    if (header.id >= count || header.number > conversations[header.id].header.number)
        die("a datagram came back that was never sent");
    verify_bytes(data + sizeof header, slice_of(header.id, header.number), body_size, header.id, header.number,
                 sizeof header);
    Conversation *c = &conversations[header.id];
    return header.number == c->header.number ? c : NULL;
}

static void on_readable(int fd)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    Conversation *due[BATCH];
    unsigned number = 0;
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){inboxes[i], message_size + 1};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int received = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (received < 0 && errno == EAGAIN)
        return;
    if (received < 0)
        die("receiving failed: %s", strerror(errno));
    last_answer = now_ns();
    for (int i = 0; i < received; i++) {
        Conversation *c = answered(inboxes[i], messages[i].msg_len);
        if (c == NULL)
            continue;
        if (measuring)
            record(last_answer - c->first_sent);
        next_message(c);
        due[number++] = c;
    }
    send_all(fd, due, number);
}

/* Send again what has had no answer for RESEND_NS. */
static void resend(uint64_t now)
{
    for (unsigned i = 0; i < count; i++) {
        Conversation *c = &conversations[i];
        if (now < c->last_sent + RESEND_NS)
            continue;
        lost += measuring;
        send_all(sockets[i % SOCKETS], &c, 1);
    }
}

static uint64_t turn_until(uint64_t deadline)
{
    uint64_t now, looked = now_ns();
    do {
        struct epoll_event events[SOCKETS];
        int ready = epoll_wait(epoll_fd, events, SOCKETS, (int)(RESEND_NS / 1000000));
        if (ready < 0 && errno != EINTR)
            die("epoll_wait: %s", strerror(errno));
        for (int i = 0; i < ready; i++)
            on_readable(events[i].data.fd);
        now = now_ns();
        if (now > last_answer + PATIENCE_NS)
            die("no answer for %llu s; %u datagrams of %zu bytes are under way", PATIENCE_NS / 1000000000ull, count,
                message_size);
        if (now > looked + RESEND_NS) {
            resend(now);
            looked = now;
        }
    } while (now < deadline);
    return now;
}

static void open_socket(int *fd, int port)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = *fd};
    if (*fd < 0 || connect(*fd, (struct sockaddr *)&target, sizeof target) != 0
        || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, *fd, &event) != 0)
        die("a socket to port %d: %s", port, strerror(errno));
}

static void prepare(int port)
{
    body_size = message_size - sizeof(Header);
    make_pattern(body_size);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < BATCH; i++)
        if ((inboxes[i] = malloc(message_size + 1)) == NULL)
            die("no memory");
    for (unsigned i = 0; i < SOCKETS; i++)
        open_socket(&sockets[i], port);
    last_answer = now_ns();
    for (unsigned i = 0; i < count; i++) {
        Conversation *c = &conversations[i];
        c->header.id = i;
        next_message(c);
        send_all(sockets[i % SOCKETS], &c, 1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 7)
        die("usage: datagrams PORT CONVERSATIONS SIZE WARMUP SECONDS SERVER_PID");
    count = (unsigned)atoi(argv[2]);
    message_size = (size_t)atol(argv[3]);
    uint64_t warmup = (uint64_t)(atof(argv[4]) * 1e9), window = (uint64_t)(atof(argv[5]) * 1e9);
    conversations = calloc(count, sizeof *conversations);
    if (count == 0 || window == 0 || conversations == NULL)
        die("CONVERSATIONS and SECONDS must be greater than zero");
    if (message_size < sizeof(Header) || message_size > MAX_SIZE)
        die("SIZE must be between %zu and %d", sizeof(Header), MAX_SIZE);
    measure_process(atoi(argv[6]));
    prepare(atoi(argv[1]));
    uint64_t now = turn_until(now_ns() + warmup);
    Clocks from = read_clocks();
    measuring = true;
    turn_until(now + window);
    Clocks to = read_clocks();
    char more[64];
    snprintf(more, sizeof more, "\"left_open\": 0, \"lost\": %u, ", lost);
    print_result(from, to, more);
    return 0;
}
