/* What is said on a connection: which bytes are sent, and which must come back.
 *
 *     echo        SIZE bytes, and the same come back
 *     lines       as echo; the last byte, and no other, is a line feed
 *     lengths     as echo; the first four bytes tell how many follow, in network order
 *     http        a GET request; status 200 and a body of known bytes come back, whatever the other headers
 *     websocket   a handshake first, then binary frames of SIZE bytes; the same bytes come back
 */
#ifndef DIALECT_H
#define DIALECT_H

#include "wire.h"

#include <stdint.h>

#define HEAD_SIZE 2048

/* One exchange of a connection, made anew for each message. */
typedef struct {
    const unsigned char *out, *answer;   /* what is sent, and what must come back behind a head that is skipped */
    size_t out_size, answer_size;
    size_t head_size;                    /* of the head of HTTP, as far as it has come */
    bool in_head;
    unsigned char *space;                /* of this connection, for what is composed */
    char head[HEAD_SIZE];
} Exchange;

/* Before the first exchange.  Messages have `size` bytes. */
void choose_dialect(const char *name, size_t size);
/* What comes before the first message, over a blocking socket. */
void open_dialogue(Wire *wire, unsigned id);
/* The bytes of message `number`. */
void compose(Exchange *e, unsigned id, uint64_t number);
/* How many of the `count` bytes that came first belong to a head before the answer. */
size_t take_head(Exchange *e, const unsigned char *data, size_t count, unsigned id);
/* What takes leave before end of file; after it the server may say something itself. */
bool close_dialogue(Wire *wire);

#endif
