/* A byte stream over a connected, non-blocking socket: bare (wire_plain.c) or TLS (wire_tls.c).
 *
 * `wire_read` and `wire_write` return the number of bytes, 0 at the end of the stream (reading only), or -1 with
 * errno, EAGAIN included; `wire_wants_write` then tells whether it is writability that is waited for.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct Wire Wire;

/* Before the first wire; `certificate` is a file with key and certificates, NULL for clients. */
void wire_setup(const char *certificate);
Wire *wire_open(int fd);
ssize_t wire_read(Wire *wire, void *buffer, size_t size);
ssize_t wire_write(Wire *wire, const void *data, size_t size);
bool wire_wants_write(const Wire *wire);
/* Say that no more bytes follow: TLS's close_notify where there is TLS, then end of file. 0, or -1 with errno. */
int wire_finish(Wire *wire);
/* Free everything and close the descriptor. */
void wire_close(Wire *wire);

#endif
