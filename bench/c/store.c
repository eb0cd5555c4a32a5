/* A store like Redis, for clients to be measured with: SET and GET, pipelined.
 *
 *     store
 *
 * It speaks RESP: a command is an array of bulk strings, SET is answered by +OK, GET by a bulk string or by $-1.
 * Keys are key:0 to key:999.  All answers to what came at once leave at once.  It listens on a free port of the
 * loopback address, prints {"port": N} and dies with the process that started it.
 */
#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEYS 1000
#define VALUE_SIZE 512
#define IN_SIZE 65536
#define OUT_SIZE (IN_SIZE * 32)      /* the shortest GET with the longest answer */
#define PARTS 3

typedef struct {
    int fd;
    size_t size;                     /* of the commands that have come but are not complete */
    char in[IN_SIZE];
} Client;

typedef struct {
    const char *text;
    size_t size;
} Part;

static struct { size_t size; bool is_set; char text[VALUE_SIZE]; } values[KEYS];
static char out[OUT_SIZE];
static size_t out_size;

/* "<mark><number>\r\n" at `at`: where it ends, or NULL when it is not complete. */
static const char *number_after(char mark, const char *at, const char *end, size_t *number)
{
    const char *line_end = at < end ? memmem(at, (size_t)(end - at), "\r\n", 2) : NULL;
    if (line_end == NULL)
        return NULL;
    if (*at != mark)
        die("the client sent %.*s where %c<number> belongs", (int)(line_end - at), at, mark);
    *number = (size_t)atol(at + 1);
    return line_end + 2;
}

/* One command at `at`: where it ends, or NULL when it is not complete. */
static const char *read_command(const char *at, const char *end, Part parts[PARTS], size_t *count)
{
    at = number_after('*', at, end, count);
    if (at != NULL && (*count == 0 || *count > PARTS))
        die("the client sent a command of %zu parts", *count);
    for (size_t i = 0; at != NULL && i < *count; i++) {
        at = number_after('$', at, end, &parts[i].size);
        if (at == NULL || (size_t)(end - at) < parts[i].size + 2)
            return NULL;
        parts[i].text = at;
        at += parts[i].size + 2;
    }
    return at;
}

static size_t index_of(Part key)
{
    long index = key.size > 4 && memcmp(key.text, "key:", 4) == 0 ? atol(key.text + 4) : -1;
    if (index < 0 || index >= KEYS)
        die("the client asked for the key %.*s", (int)key.size, key.text);
    return (size_t)index;
}

static void answer(const char *text, size_t size)
{
    memcpy(out + out_size, text, size);
    out_size += size;
}

static void execute(const Part parts[PARTS], size_t count)
{
    bool sets = count == 3 && parts[0].size == 3 && memcmp(parts[0].text, "SET", 3) == 0;
    if (!sets && (count != 2 || parts[0].size != 3 || memcmp(parts[0].text, "GET", 3) != 0))
        die("the client sent the command %.*s of %zu parts", (int)parts[0].size, parts[0].text, count);
    size_t i = index_of(parts[1]);
    if (sets) {
        if (parts[2].size > VALUE_SIZE)
            die("the client sent a value of %zu bytes", parts[2].size);
        memcpy(values[i].text, parts[2].text, values[i].size = parts[2].size);
        values[i].is_set = true;
        answer("+OK\r\n", 5);
    } else if (!values[i].is_set) {
        answer("$-1\r\n", 5);
    } else {
        out_size += (size_t)sprintf(out + out_size, "$%zu\r\n", values[i].size);
        answer(values[i].text, values[i].size);
        answer("\r\n", 2);
    }
}

static void send_answers(int fd)
{
    for (size_t sent = 0; sent < out_size;) {        /* blocking: clients read what they asked for */
        ssize_t n = send(fd, out + sent, out_size - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        sent += (size_t)n;
    }
    out_size = 0;
}

/* Returns false when the client has gone. */
static bool serve(Client *c)
{
    ssize_t n = recv(c->fd, c->in + c->size, IN_SIZE - c->size, 0);
    if (n <= 0)
        return false;
    const char *at = c->in, *end = c->in + c->size + (size_t)n, *next;
    Part parts[PARTS];
    size_t count;
    while ((next = read_command(at, end, parts, &count)) != NULL) {
        execute(parts, count);
        at = next;
    }
    c->size = (size_t)(end - at);
    if (c->size == IN_SIZE)
        die("the client sent a command of more than %d bytes", IN_SIZE);
    memmove(c->in, at, c->size);
    send_answers(c->fd);
    return true;
}

int main(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    Client listener = {.fd = listen_tcp()};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener.fd, &event);
    for (;;) {
        if (epoll_wait(epoll_fd, &event, 1, -1) != 1)
            continue;
        Client *c = event.data.ptr;
        if (c == &listener) {
            if ((c = calloc(1, sizeof *c)) == NULL)
                die("no memory");
            c->fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC);
            event = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
        } else if (!serve(c)) {
            close(c->fd);
            free(c);
        }
    }
}
