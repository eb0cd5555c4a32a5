"""The TLS state machine. It does no input or output: ciphertext is fed and taken, events come out.

    HANDSHAKE ──CONNECTED──▶ OPEN ──shutdown()──▶ SHUTDOWN ───OVER───▶ CLOSED
                               │                                         ▲
                               └──ENDED──▶ PEER_DONE ──────shutdown()────┘

| state     | next_event() gives                              | takes plaintext | shutdown()                    |
| --------- | ----------------------------------------------- | --------------- | ----------------------------- |
| HANDSHAKE | NEED_DATA, or CONNECTED: OPEN                   | no              | nothing to say: CLOSED        |
| OPEN      | NEED_DATA, DATA, or ENDED: PEER_DONE            | yes             | says close_notify: SHUTDOWN   |
| PEER_DONE | NEED_DATA                                       | yes             | answers close_notify: CLOSED  |
| SHUTDOWN  | drops data; NEED_DATA, or OVER: CLOSED          | no              | –                             |
| CLOSED    | OVER                                            | no              | –                             |

The peer has ended when its close_notify has come, or where it never does, when the stream is at its end
(`feed_eof`): as asyncio has it, a truncated stream is an end like another. After that nothing more is said to it.
In HANDSHAKE such an end is a ConnectionResetError. ssl.SSLError may come out of everything, and leads to CLOSED;
`output()` has the alert for the peer then.
"""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

if not cython.compiled:  # compiled, the .pxd declares them
    HANDSHAKE, OPEN, PEER_DONE, SHUTDOWN, CLOSED = range(5)
    NEED_DATA, CONNECTED, DATA, ENDED, OVER = range(5)


class TLSMachine:
    """One connection's TLS, by an engine."""

    def __init__(self, engine):
        self.engine = engine
        self.state = HANDSHAKE
        self.connected = False
        self.data = None
        self.size = 0
        self._eof = False

    def feed(self, data):
        """Ciphertext, as bytes, has come."""
        self.engine.feed(data)

    def feed_eof(self):
        """No more ciphertext will come."""
        self._eof = True

    def has_input(self):
        """Whether `next_event` has something to look at."""
        return self._eof or self.engine.has_input()

    def output(self):
        """Take the ciphertext that is to be sent, as bytes."""
        return self.engine.output()

    def next_event(self, buffer=None):
        """What has come about; with DATA, `data` holds it, or `size` says how much of it was put into `buffer`."""
        try:
            if self.state == OPEN:
                return self._read(buffer)
            if self.state == HANDSHAKE:
                return self._shake_hands()
            if self.state == SHUTDOWN:
                return self._await_end()
        except BaseException:
            self.state = CLOSED
            raise
        return OVER if self.state == CLOSED else NEED_DATA

    def shutdown(self):
        """Say that no more will be sent."""
        if self.state == OPEN or self.state == PEER_DONE:
            after = CLOSED if self._eof or self.state == PEER_DONE else SHUTDOWN
            self.state = CLOSED
            if not self._eof:
                self.engine.finish()
            self.state = after
        elif self.state == HANDSHAKE:
            self.state = CLOSED

    def _shake_hands(self):
        if self.engine.handshake():
            self.state = OPEN
            self.connected = True
            return CONNECTED
        if self._eof:
            raise ConnectionResetError(
                "the peer closed the connection during the TLS handshake; does it speak TLS on this port?"
            )
        return NEED_DATA

    def _read(self, buffer):
        if buffer is None:
            self.data = self.engine.receive()
            self.size = -1 if self.data is None else len(self.data)
        else:
            self.size = self.engine.receive_into(buffer)
        if self.size > 0:
            return DATA
        if self.size < 0 and not self._eof:
            return NEED_DATA
        self.state = PEER_DONE
        return ENDED

    def _await_end(self):
        data = self.engine.receive()
        while data:
            data = self.engine.receive()
        if data is None and not self._eof:
            return NEED_DATA
        self.state = CLOSED
        return OVER
