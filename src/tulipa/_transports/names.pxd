cimport cython

from tulipa._transports.addresses cimport address_of, any_address, memcpy

cdef extern from *:
    """
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
    /* False unless both ends have internet addresses. */
    static int tulipa_note_names(int fd, tulipa_end_name *own, tulipa_end_name *peer) {
        socklen_t own_size = sizeof *own, peer_size = sizeof *peer;
        return getsockname(fd, &own->plain, &own_size) == 0 && tulipa_is_internet(own, own_size)
            && getpeername(fd, &peer->plain, &peer_size) == 0 && tulipa_is_internet(peer, peer_size);
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
    void send_without_delay "tulipa_send_without_delay"(int fd) nogil

@cython.locals(raw=any_address)
cdef object name_of(end_name *noted)
