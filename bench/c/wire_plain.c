/* The bare socket as a wire. */
#include "wire.h"

#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

/* A wire is its descriptor and needs no memory: the pointer is the number plus one, so that it is never NULL. */
static int fd_of(const Wire *wire)
{
    return (int)((intptr_t)wire - 1);
}

void wire_setup(const char *certificate)
{
    (void)certificate;
}

Wire *wire_open(int fd)
{
    return (Wire *)((intptr_t)fd + 1);
}

ssize_t wire_read(Wire *wire, void *buffer, size_t size)
{
    return recv(fd_of(wire), buffer, size, 0);
}

ssize_t wire_write(Wire *wire, const void *data, size_t size)
{
    return send(fd_of(wire), data, size, MSG_NOSIGNAL);
}

bool wire_wants_write(const Wire *wire)
{
    (void)wire;
    return true;
}

int wire_finish(Wire *wire)
{
    return shutdown(fd_of(wire), SHUT_WR);
}

void wire_close(Wire *wire)
{
    close(fd_of(wire));
}
