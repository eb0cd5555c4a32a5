/* TLS by OpenSSL as a wire.  Clients do not check certificates: it is the server that is measured. */
#include "wire.h"
#include "measure.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct Wire {
    SSL *ssl;
    int fd;
    bool wants_write;
};

static SSL_CTX *context;
static bool is_server;

static void must(bool success, const char *what)
{
    if (!success)
        die("OpenSSL: %s: %s", what, ERR_error_string(ERR_get_error(), NULL));
}

void wire_setup(const char *certificate)
{
    signal(SIGPIPE, SIG_IGN);
    is_server = certificate != NULL;
    context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    must(context != NULL, "making a context");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);              /* one system call a record instead of two */
    if (!is_server)
        return;
    must(SSL_CTX_use_certificate_chain_file(context, certificate) == 1, certificate);
    must(SSL_CTX_use_PrivateKey_file(context, certificate, SSL_FILETYPE_PEM) == 1, certificate);
}

Wire *wire_open(int fd)
{
    Wire *wire = calloc(1, sizeof *wire);
    must(wire != NULL && (wire->ssl = SSL_new(context)) != NULL && SSL_set_fd(wire->ssl, fd) == 1, "making a wire");
    wire->fd = fd;
    if (is_server)
        SSL_set_accept_state(wire->ssl);
    else
        SSL_set_connect_state(wire->ssl);
    return wire;
}

/* What a call of SSL_read or SSL_write that did nothing means: end of stream, or -1 with errno. */
static ssize_t outcome(Wire *wire, int returned)
{
    int error = SSL_get_error(wire->ssl, returned);
    wire->wants_write = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        errno = EAGAIN;
    else if (error != SSL_ERROR_SYSCALL || errno == 0)
        errno = EPROTO;
    return -1;
}

/* Reads all records that have arrived: epoll does not tell of what OpenSSL holds already. */
ssize_t wire_read(Wire *wire, void *buffer, size_t size)
{
    size_t total = 0;
    ERR_clear_error();
    errno = 0;
    while (total < size) {
        int n = SSL_read(wire->ssl, (char *)buffer + total, (int)(size - total));
        if (n <= 0) {
            ssize_t ended = outcome(wire, n);
            return total > 0 ? (ssize_t)total : ended;
        }
        total += (size_t)n;
        if (!SSL_has_pending(wire->ssl))
            break;
    }
    return (ssize_t)total;
}

ssize_t wire_write(Wire *wire, const void *data, size_t size)
{
    ERR_clear_error();
    errno = 0;
    int n = SSL_write(wire->ssl, data, (int)size);
    return n > 0 ? n : outcome(wire, n);
}

bool wire_wants_write(const Wire *wire)
{
    return wire->wants_write;
}

int wire_finish(Wire *wire)
{
    ERR_clear_error();
    SSL_shutdown(wire->ssl);
    ERR_clear_error();
    return shutdown(wire->fd, SHUT_WR);
}

void wire_close(Wire *wire)
{
    if (is_server)
        wire_finish(wire);
    SSL_free(wire->ssl);
    close(wire->fd);
    free(wire);
}
