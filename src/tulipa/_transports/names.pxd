cimport cython

from tulipa._transports.addresses cimport address_of, any_address, memcpy

cdef extern from *:
    """
    #include <fcntl.h>
    #include <sys/socket.h>
    #include <netinet/in.h>
    #include <netinet/tcp.h>

    typedef union {
        struct sockaddr plain;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } tulipa_end_name;

    static int tulipa_is_internet(tulipa_end_name *name, socklen_t size) {
        return size <= sizeof *name && (name->plain.sa_family == AF_INET || name->plain.sa_family == AF_INET6);
    }
    /* False unless both ends have internet addresses; accept() may have told that of the peer before. */
    static int tulipa_note_names(int fd, tulipa_end_name *own, tulipa_end_name *peer) {
        socklen_t own_size = sizeof *own, peer_size = sizeof *peer;
        return getsockname(fd, &own->plain, &own_size) == 0 && tulipa_is_internet(own, own_size)
            && (tulipa_is_internet(peer, peer_size)
                || (getpeername(fd, &peer->plain, &peer_size) == 0 && tulipa_is_internet(peer, peer_size)));
    }
    /* Accept a connection from an internet address; non-blocking, and not for child processes. */
    static int tulipa_accept_connection(int fd, tulipa_end_name *peer) {
        socklen_t size = sizeof *peer;
    #ifdef __linux__
        return accept4(fd, &peer->plain, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    #else
        int conn = accept(fd, &peer->plain, &size);
        if (conn >= 0) {
            (void)fcntl(conn, F_SETFD, FD_CLOEXEC);
            (void)fcntl(conn, F_SETFL, fcntl(conn, F_GETFL) | O_NONBLOCK);
        }
        return conn;
    #endif
    }
    /* Some systems refuse it once the peer is gone. */
    static void tulipa_send_without_delay(int fd) {
        int yes = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    """
    ctypedef struct end_name "tulipa_end_name":
        pass
    bint note_names "tulipa_note_names"(int fd, end_name *own, end_name *peer) nogil
    int accept_connection "tulipa_accept_connection"(int fd, end_name *peer) nogil
    void send_without_delay "tulipa_send_without_delay"(int fd) nogil

@cython.locals(raw=any_address)
cdef object name_of(end_name *noted)
