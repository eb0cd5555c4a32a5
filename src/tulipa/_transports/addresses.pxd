cimport cython

cdef extern from *:
    """
    #include <stddef.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <netinet/in.h>
    #include <arpa/inet.h>
    #include <sys/un.h>

    /* Room for any of the three families, and for a NUL behind the longest path. */
    typedef union {
        struct sockaddr plain;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
        char room[160];
    } tulipa_address;

    #define tulipa_local_offset ((int)offsetof(struct sockaddr_un, sun_path))
    #define tulipa_local_limit ((int)sizeof(((struct sockaddr_un *)0)->sun_path))
    #define tulipa_v4_equal(a, b) \
        ((a)->v4.sin_family == (b)->v4.sin_family && (a)->v4.sin_port == (b)->v4.sin_port \
        && (a)->v4.sin_addr.s_addr == (b)->v4.sin_addr.s_addr)
    #define tulipa_v6_equal(a, b) \
        ((a)->v6.sin6_family == (b)->v6.sin6_family && (a)->v6.sin6_port == (b)->v6.sin6_port \
        && (a)->v6.sin6_flowinfo == (b)->v6.sin6_flowinfo && (a)->v6.sin6_scope_id == (b)->v6.sin6_scope_id \
        && memcmp(&(a)->v6.sin6_addr, &(b)->v6.sin6_addr, 16) == 0)

    static unsigned int tulipa_mix(unsigned int host, unsigned int port) {
        host ^= host >> 16;
        return host ^ host >> 8 ^ port ^ port >> 8;
    }
    static unsigned int tulipa_v4_hash(tulipa_address *address) {
        return tulipa_mix(address->v4.sin_addr.s_addr, address->v4.sin_port);
    }
    static unsigned int tulipa_v6_hash(tulipa_address *address) {
        unsigned int words[4];
        memcpy(words, &address->v6.sin6_addr, 16);
        return tulipa_mix(words[0] ^ words[1] ^ words[2] ^ words[3], address->v6.sin6_port);
    }
    static unsigned int tulipa_pointer_hash(void *pointer) {
        size_t number = (size_t)pointer >> 4;
        return (unsigned int)(number ^ number >> 8);
    }
    """
    ctypedef struct sockaddr "struct sockaddr":
        int sa_family
    ctypedef struct in_addr "struct in_addr":
        unsigned int s_addr
    ctypedef struct sockaddr_in "struct sockaddr_in":
        int sin_family
        unsigned short sin_port
        in_addr sin_addr
    ctypedef struct in6_addr "struct in6_addr":
        pass
    ctypedef struct sockaddr_in6 "struct sockaddr_in6":
        int sin6_family
        unsigned short sin6_port
        unsigned int sin6_flowinfo
        in6_addr sin6_addr
        unsigned int sin6_scope_id
    ctypedef struct sockaddr_un "struct sockaddr_un":
        int sun_family
        char *sun_path
    ctypedef union any_address "tulipa_address":
        sockaddr plain
        sockaddr_in v4
        sockaddr_in6 v6
        sockaddr_un local
        char *room
    int AF_INET
    int AF_INET6
    int AF_UNIX
    int LOCAL_OFFSET "tulipa_local_offset"
    int LOCAL_LIMIT "tulipa_local_limit"
    bint v4_equal "tulipa_v4_equal"(any_address *one, any_address *other) nogil
    bint v6_equal "tulipa_v6_equal"(any_address *one, any_address *other) nogil
    unsigned int v4_hash "tulipa_v4_hash"(any_address *address) nogil
    unsigned int v6_hash "tulipa_v6_hash"(any_address *address) nogil
    unsigned int pointer_hash "tulipa_pointer_hash"(void *pointer) nogil
    unsigned short htons(unsigned short number) nogil
    unsigned short ntohs(unsigned short number) nogil
    unsigned int htonl(unsigned int number) nogil
    unsigned int ntohl(unsigned int number) nogil
    const char *inet_ntop(int family, const void *address, char *text, unsigned int size) nogil
    int inet_pton(int family, const char *text, void *address) nogil
    void *memcpy(void *target, const void *source, size_t size) nogil
    void *memset(void *target, int value, size_t size) nogil
    void *memchr(const void *text, int value, size_t size) nogil

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    object PyUnicode_DecodeFSDefault(const char *text)
    object PyUnicode_EncodeFSDefault(object text)
    object PyUnicode_FromString(const char *text)
    object PyBytes_FromStringAndSize(const char *data, Py_ssize_t size)
    char *PyBytes_AS_STRING(object data)
    Py_ssize_t PyBytes_GET_SIZE(object data)

cdef enum:
    KEPT = 256

ctypedef char[64] host_text
ctypedef long long longlong

cdef list _seen
cdef any_address[KEPT] _seen_raw
cdef list _packed
cdef any_address[KEPT] _packed_raw

@cython.locals(slot=Py_ssize_t, text=host_text)
cdef object address_of(any_address *raw, unsigned int size)
@cython.locals(length=int)
cdef object _local_name(any_address *raw, unsigned int size)
@cython.locals(slot=Py_ssize_t)
cdef unsigned int pack_address(object address, int family, any_address *raw) except? 1
@cython.locals(length=Py_ssize_t, text="const char *", port=long, flow=longlong, scope=longlong)
cdef bint _pack_internet(tuple address, int family, any_address *raw) except -1
@cython.locals(name=bytes, length=Py_ssize_t)
cdef unsigned int _pack_local(object path, any_address *raw) except? 1
cdef longlong _number(object value, longlong limit) except? -2
cdef int _keep_packed(tuple address, any_address *raw) except -1
