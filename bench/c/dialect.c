/* The dialects of the load generator; see dialect.h. */
#define _GNU_SOURCE
#include "dialect.h"
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_PREFIX 4
#define FRAME_HEAD 14                /* the longest: two bytes, eight of length, four of mask */
#define BINARY_FRAME 0x82
#define CLOSE_FRAME 0x88
#define MASKED 0x80
#define MASK "\x37\xfa\x21\x3d"

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n";
static const char BODY[] = "Hello, world!";
/* Key and answer are the example of RFC 6455, section 1.3. */
static const char HANDSHAKE[] =
    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
static const char ACCEPTED[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static enum { ECHO, LINES, LENGTHS, HTTP, WEBSOCKET } dialect;
static size_t message_size;

void choose_dialect(const char *name, size_t size)
{
    static const char *const names[] = {"echo", "lines", "lengths", "http", "websocket"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            dialect = i;
            message_size = size;
            if (dialect == LENGTHS && size < LENGTH_PREFIX)
                die("a message with its length in front has at least %d bytes", LENGTH_PREFIX);
            return;
        }
    die("there is no dialect %s", name);
}

/* --- HTTP --- */

/* A head is complete: status 200 and the body's length, or an error. */
static void check_head(const char *head, unsigned id)
{
    static const char status[] = "HTTP/1.1 200 ", length[] = "\r\ncontent-length:";
    if (strncmp(head, status, sizeof status - 1) != 0)
        die("connection %u: the answer is %.*s", id, (int)strcspn(head, "\r"), head);
    const char *field = strcasestr(head, length);
    if (field == NULL)
        die("connection %u: the answer does not tell its length", id);
    long found = atol(field + sizeof length - 1);
    if (found != (long)sizeof BODY - 1)
        die("connection %u: a body of %ld bytes is announced instead of %zu", id, found, sizeof BODY - 1);
}

size_t take_head(Exchange *e, const unsigned char *data, size_t count, unsigned id)
{
    if (!e->in_head)
        return 0;
    size_t before = e->head_size, room = HEAD_SIZE - 1 - before, some = count < room ? count : room;
    memcpy(e->head + before, data, some);
    e->head[before + some] = '\0';
    const char *end = strstr(e->head, "\r\n\r\n");
    if (end == NULL) {
        if (some == room || strlen(e->head) < before + some)
            die("connection %u: no end of the answer's head in %zu bytes", id, before + some);
        e->head_size += some;
        return some;
    }
    check_head(e->head, id);
    e->in_head = false;
    return (size_t)(end + 4 - e->head) - before;
}

/* --- WebSocket (RFC 6455) --- */

static void say(Wire *wire, const char *text, size_t size, unsigned id)
{
    if (wire_write(wire, text, size) != (ssize_t)size)
        die("connection %u: the handshake could not be sent: %s", id, strerror(errno));
}

static void shake_hands(Wire *wire, unsigned id)
{
    char head[HEAD_SIZE] = "";
    size_t size = 0;
    say(wire, HANDSHAKE, sizeof HANDSHAKE - 1, id);
    while (strstr(head, "\r\n\r\n") == NULL) {
        ssize_t n = wire_read(wire, head + size, HEAD_SIZE - 1 - size);
        if (n <= 0)
            die("connection %u: no complete answer to the handshake: %s", id, head);
        size += (size_t)n;
        head[size] = '\0';
    }
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0 || strstr(head, ACCEPTED) == NULL)
        die("connection %u: the handshake is refused: %.*s", id, (int)strcspn(head, "\r"), head);
    if (strstr(head, "\r\n\r\n") + 4 != head + size)
        die("connection %u: the server speaks first", id);
}

/* The head of a binary frame of message_size bytes; returns its size. */
static size_t frame_head(unsigned char *to, unsigned char masked)
{
    to[0] = BINARY_FRAME;
    size_t extra = message_size < 126 ? 0 : message_size < 65536 ? 2 : 8;
    to[1] = masked | (unsigned char)(extra == 0 ? message_size : extra == 2 ? 126 : 127);
    for (size_t i = 0; i < extra; i++)
        to[2 + i] = (unsigned char)(message_size >> 8 * (extra - 1 - i));
    return 2 + extra;
}

static void compose_frame(Exchange *e, const unsigned char *message)
{
    size_t head = frame_head(e->space, MASKED);
    memcpy(e->space + head, MASK, 4);
    unsigned char *out = e->space + head + 4, *answer = out + message_size;
    for (size_t i = 0; i < message_size; i++)
        out[i] = message[i] ^ (unsigned char)MASK[i % 4];
    e->out = e->space;
    e->out_size = head + 4 + message_size;
    e->answer = answer;
    e->answer_size = frame_head(answer, 0) + message_size;
    memcpy(answer + (e->answer_size - message_size), message, message_size);
}

/* --- all of them --- */

void open_dialogue(Wire *wire, unsigned id)
{
    if (dialect == WEBSOCKET)
        shake_hands(wire, id);
}

bool close_dialogue(Wire *wire)
{
    static const unsigned char normally[] = {CLOSE_FRAME, MASKED | 2, 0, 0, 0, 0, 1000 >> 8, 1000 & 255};
    if (dialect == WEBSOCKET)
        wire_write(wire, normally, sizeof normally);
    return dialect == WEBSOCKET;
}

/* The message with the marks of its dialect, and the same bytes as the answer. */
static void compose_marked(Exchange *e, const unsigned char *message)
{
    size_t length = message_size - LENGTH_PREFIX;
    memcpy(e->space, message, message_size);
    if (dialect == LENGTHS)
        for (int i = 0; i < LENGTH_PREFIX; i++)
            e->space[i] = (unsigned char)(length >> 8 * (LENGTH_PREFIX - 1 - i));
    else {
        for (unsigned char *at = e->space; (at = memchr(at, '\n', message_size - (size_t)(at - e->space))) != NULL;)
            *at = ' ';
        e->space[message_size - 1] = '\n';
    }
    e->out = e->answer = e->space;
}

void compose(Exchange *e, unsigned id, uint64_t number)
{
    const unsigned char *message = slice_of(id, number);
    if (e->space == NULL && dialect != ECHO && (e->space = malloc(2 * (message_size + FRAME_HEAD))) == NULL)
        die("no memory for messages of %zu bytes", message_size);
    e->out = e->answer = message;
    e->out_size = e->answer_size = message_size;
    if (dialect == LINES || dialect == LENGTHS)
        compose_marked(e, message);
    else if (dialect == WEBSOCKET)
        compose_frame(e, message);
    else if (dialect == HTTP) {
        e->out = (const unsigned char *)REQUEST;
        e->out_size = sizeof REQUEST - 1;
        e->answer = (const unsigned char *)BODY;
        e->answer_size = sizeof BODY - 1;
        e->in_head = true;
        e->head_size = 0;
    }
}
