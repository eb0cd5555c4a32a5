"""What speaks TLS for one connection: an endpoint whose far side is ciphertext in memory instead of the kernel.

On top of the contract of endpoints, where ``receive`` decrypts, ``send`` encrypts and ``finish`` says that no more
will be sent (close_notify), an engine has:

``handshake()``
    Goes on with the handshake; whether it is complete.
``feed(data)``
    Takes ciphertext that arrived.
``has_input()``
    Whether it is worth while to ``receive`` now.
``pending()``
    How many bytes of what was fed are not looked at yet.
``output()``
    Takes the ciphertext that is to be sent: bytes, often none.

``send`` takes at most `SEND_LIMIT` bytes at once. All raise ssl.SSLError. `ssl_object` is the ssl.SSLObject.

This module's engine works by the ssl module's public objects alone. What makes that slow is reading until an
exception says that there is no more. So the engine looks at the record headers that pass: a complete record in the
BIO can be read without an exception, an incomplete one is left alone.
"""

try:
    import ssl
except ImportError:  # a Python without it has no TLS
    ssl = None

from tulipa._transports.endpoint import Endpoint

SEND_LIMIT = 262144
_RECORD = 16384
_LONGEST_RECORD = _RECORD + 2048
_HEADER = 5


class TLSEngine(Endpoint):
    """TLS by ssl.SSLObject and ssl.MemoryBIO; raises what SSLContext.wrap_bio raises."""

    def __init__(self, context, server_side, server_hostname):
        self._wrap(context, server_side, server_hostname)

    def _wrap(self, context, server_side, server_hostname):
        """Set every field."""
        # A server has nothing to say before the client has spoken: no exception is needed to find that out.
        self._listens = server_side
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.ssl_object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self._header = b""
        self._missing = 0
        self._tail = 0
        self._unknown = False
        self._ended = False
        self._failure = None
        return 0

    # -- ciphertext -----------------------------------------------------------------------------------------

    def handshake(self):
        if self._listens:
            return False
        try:
            self.ssl_object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def feed(self, data):
        self._listens = False
        self._incoming.write(data)
        self._follow_records(data)

    def pending(self):
        return self._incoming.pending

    def has_input(self):
        if self._ended or self._failure is not None:
            return True
        pending = self._incoming.pending
        return pending > self._tail or (pending > 0 and self._unknown) or self.ssl_object.pending() > 0

    def output(self):
        return self._outgoing.read() if self._outgoing.pending else b""

    def _follow_records(self, data):
        """Keep `_tail`: how many bytes were fed of the last record, while it is incomplete."""
        at = 0
        size = len(data)
        while at < size:
            if self._missing == 0:
                taken = min(_HEADER - len(self._header), size - at)
                self._header += data[at : at + taken]
                at += taken
                self._tail += taken
                if len(self._header) < _HEADER:
                    return 0
                self._start_record()
            taken = min(self._missing, size - at)
            at += taken
            self._missing -= taken
            self._tail = 0 if self._missing == 0 else self._tail + taken
        return 0

    def _start_record(self):
        kind, major, _, length_high, length_low = self._header
        self._header = b""
        self._missing = length_high << 8 | length_low
        if not (20 <= kind <= 24 and major == 3 and self._missing <= _LONGEST_RECORD):
            # OpenSSL has to say what is wrong with it, as soon as it can.
            self._unknown = True
        return 0

    # -- plaintext ------------------------------------------------------------------------------------------

    def receive(self):
        self._raise_failure()
        parts = []
        while not self._ended and self.has_input():
            part = self._read_some(_RECORD)
            if not part:
                break
            parts.append(part)
        if not parts:
            self._raise_failure()
            return b"" if self._ended else None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def receive_into(self, buffer):
        self._raise_failure()
        size = 0
        with memoryview(buffer) as view:
            whole = len(view)
            while not self._ended and size < whole and self.has_input():
                with view[size:] as rest:
                    count = self._read_some(whole - size, rest)
                if not count:
                    break
                size += count
        if size > 0 or self._ended:
            return size
        self._raise_failure()
        return -1

    def _read_some(self, *arguments):
        """SSLObject.read; nothing (None, 0 or no bytes) at the end, when there is no more now, and after a failure."""
        try:
            part = self.ssl_object.read(*arguments)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            self._ended = True
            return None
        except ssl.SSLError as exc:
            # What was read before it comes first.
            self._failure = exc
            return None
        if not part:
            self._ended = True
        return part

    def _raise_failure(self):
        failure = self._failure
        if failure is not None:
            self._failure = None
            raise failure
        return 0

    def send(self, data):
        view = memoryview(data)[:SEND_LIMIT]
        taken = 0
        while taken < len(view):
            try:
                taken += self.ssl_object.write(view[taken:])
            except ssl.SSLWantReadError:
                # In a renegotiation of TLS 1.2.
                break
        return taken or -1

    def send_many(self, pieces, offset):
        """Small pieces go together into one record; large ones are not copied for that."""
        first = memoryview(pieces[0])[offset:]
        some = [first]
        size = len(first)
        for piece in pieces[1:]:
            if size >= _RECORD or len(piece) >= _RECORD:
                break
            some.append(piece)
            size += len(piece)
        return self.send(first if len(some) == 1 else b"".join(some))

    def finish(self):
        # unwrap() looks for the peer's answer at once, and takes data in front of it for a failure.
        while self.receive():
            pass
        try:
            self.ssl_object.unwrap()
        except ssl.SSLWantReadError:
            return
        # The peer has said it too.
        self._ended = True

    def close(self):
        pass
