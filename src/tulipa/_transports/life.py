"""The life of a transport, the same for every kind.

    new ──_start──▶ open ──close()──▶ closing ──all sent──▶ lost ──next turn──▶ over
                     │                   │                   ▲
                     └──────── abort(), fatal error ─────────┘

| state   | flags             | reads            | takes writes       | the protocol                            |
| ------- | ----------------- | ---------------- | ------------------ | --------------------------------------- |
| new     |                   | no               | yes, they wait     | connection_made is on its way           |
| open    | _made             | unless paused    | yes                | connection_made was called              |
| closing | _made, _closing   | no               | no, sends the rest | gets connection_lost after the rest     |
| lost    | … _lost           | no               | no, drops them     | connection_lost is on its way           |
| over    | … _over           | endpoint closed  | no, drops them     | connection_lost was called, exactly once |
"""

import warnings
from asyncio import BufferedProtocol
from asyncio.trsock import TransportSocket

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.ready import Link
from tulipa._drivers.base import Watcher

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.contexts import held_context, own_context
    from tulipa._core.handles import new_handle
    from tulipa._drivers.base import READ, WRITE, announce
    from tulipa._transports.telling import report_fatal, tell_made

    # What a transport may stand in the queue for, beside READ and WRITE: its first event, its last one.
    STARTS, ENDS = 4, 8


class Sink(Link):
    """A protocol of ours, which our transports give bytes to in C."""

    def _takes_directly(self):
        """Whether `_take_data` does all that data_received does."""
        raise NotImplementedError

    def _take_data(self, data):
        """As data_received, for bytes."""
        raise NotImplementedError


class Layer(Sink):
    """A protocol that is itself a transport to another one above it, such as TLS; what is above speaks to it in C."""

    def _takes_directly(self):
        return True

    def _carry(self, data):
        """As write, for bytes."""
        raise NotImplementedError

    def _is_ending(self):
        """As is_closing."""
        raise NotImplementedError


class Roster:
    """What a server knows its transports by; each is told of when it begins and when it is over."""

    def _enter(self, transport):
        """`transport`, which is not in, has begun."""
        raise NotImplementedError

    def _strike(self, transport):
        """`transport`, which is in, is over: connection_lost was called and its endpoint closed."""
        raise NotImplementedError


def sink_of(protocol):
    """`protocol` where it may be spoken to in C, else None."""
    if isinstance(protocol, Sink) and cython.cast(Sink, protocol)._takes_directly():
        return protocol
    return None


def outermost(transport):
    """The transport that the application has, where this one carries layers."""
    protocol = transport.get_protocol()
    while isinstance(protocol, Layer):
        transport = protocol
        protocol = transport.get_protocol()
    return transport


class Transport(Watcher):
    """What the transports have in common; the subclass says what to do when ready, and how to send."""

    def _prepare(self, loop, endpoint, fd, protocol, roster):
        """Set every field."""
        if cython.compiled:
            forget_dict(self)  # made anew when the first attribute that we don't know is set
        self._next = None
        self._watch_init(fd)
        self._loop = loop
        self._state_of_loop = loop
        self._driver = loop._driver
        wrap = self._state_of_loop._wrap_endpoint
        self._endpoint = endpoint if wrap is None else wrap(endpoint)
        self._held = held_context()
        self._roster = roster
        self._extra = None
        self._before = cython.NULL
        self._after = cython.NULL
        self._made = False
        self._paused = False
        self._eof_read = False
        self._blocked = False
        self._closing = False
        self._lost = False
        self._over = False
        self._take_protocol(protocol)
        self._state_of_loop._transport_fds.add(fd)
        if roster is not None:
            roster._enter(self)

    def _take_protocol(self, protocol):
        self._protocol = protocol
        self._sink = sink_of(protocol)
        self._is_buffered = isinstance(protocol, BufferedProtocol)

    # -- asyncio.BaseTransport ------------------------------------------------------------------------------

    def get_extra_info(self, name, default=None):
        """What is known of the connection: 'socket', 'sockname', 'peername' …; `default` for what is not."""
        if self._extra is None:
            self._extra = self._describe()
        if name == "socket" and name not in self._extra:
            self._describe_socket()
        return self._extra.get(name, default)

    def _describe(self):
        """What get_extra_info tells, where the subclass leaves making it until somebody asks."""
        raise NotImplementedError

    def _describe_socket(self):
        """Put "socket" into it, where there is one that has no object before somebody asks."""
        return 0

    def set_protocol(self, protocol):
        """Give all further events to `protocol`."""
        self._take_protocol(protocol)

    def get_protocol(self):
        """The protocol that gets the events."""
        return self._protocol

    def is_closing(self):
        """Whether it is closed or about to be."""
        return self._closing

    def abort(self):
        """Close without sending what is still buffered."""
        self._force_close(None)

    def _describe_state(self):
        return "closed" if self._over else "closing" if self._closing else "open" if self._made else "new"

    # -- readiness ------------------------------------------------------------------------------------------

    @property
    def _context(self):
        """The contextvars.Context of all its protocol's methods, for what is called later on its behalf."""
        self._held = own_context(self._held)
        return self._held

    def _fire(self):
        due = self._happened & (STARTS | ENDS)
        happened = self._take_happened()
        if happened == 0 and due == 0:
            return 0
        if not cython.compiled:
            self._held.run(self._on_due if due else self._on_ready, due or happened)
            return 0
        share = context = cython.NULL
        enter(slot_of(self), cython.address(share), cython.address(context))
        try:
            if due:
                self._on_due(due)
            else:
                self._on_ready(happened)
        finally:
            leave(slot_of(self), share, context)
        return 0

    def _on_due(self, due):
        """The first event or the last one, as `_soon` has asked for it."""
        try:
            if due == STARTS:
                self._begin(None)
            else:
                self._conclude(None)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            # Reported as where a handle calls it; `_begin` lets nothing out.
            new_handle(self._end, (None,), self._loop, self._context)._fire_failed(exc)
        return 0

    def _settle(self):
        if not cython.compiled:
            self._held.run(self._on_settle)
            return 0
        share = context = cython.NULL
        enter(slot_of(self), cython.address(share), cython.address(context))
        try:
            self._on_settle()
        finally:
            leave(slot_of(self), share, context)
        return 0

    def _start(self, waiter):
        """`_begin`, for handles."""
        self._begin(waiter)

    def _begin(self, waiter):
        """The first event: connection_made, then reading, then whoever waits for the connection."""
        try:
            if not self._lost:
                self._made = True
                tell_made(self, self._protocol)
        finally:
            self._update_interest()
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        return 0

    def _update_interest(self):
        """Ask the driver for what we can use now."""
        if self._lost or self._state_of_loop._closed:
            return 0
        interest = 0
        if self._made and not (self._closing or self._paused or self._eof_read):
            interest = READ
        if self._wants_to_write():
            interest |= WRITE
        if interest != self._interest:
            try:
                self._driver.watch(self, interest)
            except OSError as exc:
                self._on_unwatchable(exc)
        return 0

    def _on_unwatchable(self, exc):
        """The driver refuses the descriptor."""
        self._fatal_error(exc, "Fatal error: the descriptor can't be watched")
        return 0

    def _wants_to_write(self):
        """Whether to be told when the kernel takes more."""
        return self._blocked

    def _on_ready(self, happened):
        """The descriptor is ready for the READ and WRITE bits in `happened`."""
        raise NotImplementedError

    def _on_settle(self):
        """The turn ends."""
        raise NotImplementedError

    def _soon(self, due, argument):
        """As ``loop.call_soon(self._start, argument)`` for STARTS, of `_end` for ENDS, in the transport's context.

        Mostly the transport stands in the queue for that itself, without a handle.
        """
        state = self._state_of_loop
        by_handle = argument is not None or state._debug or state._closed or state._call_soon_replaced
        if not by_handle and not state._ready.holds(self):
            announce(self, due, state._ready)
        else:
            callback = self._start if due == STARTS else self._end
            self._loop.call_soon(callback, argument, context=self._context)
        return 0

    # -- the end --------------------------------------------------------------------------------------------

    def _fatal_error(self, exc, message="Fatal error on transport"):
        """Report what the protocol or the kernel did to us, and end."""
        report_fatal(self, exc, message, self._state_of_loop._debug)
        self._force_close(exc)

    def _force_close(self, exc):
        """End at once; `exc` is for connection_lost."""
        if self._lost:
            return
        self._forget_unsent()
        self._closing = True
        self._lose(exc)

    def _forget_unsent(self):
        """Give up what was not sent."""
        raise NotImplementedError

    def _lose(self, exc):
        """No more reading or writing; connection_lost(exc) is called soon, then the endpoint is closed."""
        if self._lost:
            return 0
        self._lost = True
        self._driver.forget(self)
        if self._state_of_loop._closed:
            # Nobody can be told any more, but nothing is left open.
            self._release()
        else:
            self._soon(ENDS, exc)
        return 0

    def _end(self, exc):
        """`_conclude`, for handles."""
        self._conclude(exc)

    def _conclude(self, exc):
        """The last event: connection_lost, then the endpoint is closed."""
        try:
            if self._made:
                self._protocol.connection_lost(exc)
        finally:
            # The two refer to each other; without this only the garbage collector could free them.
            self._protocol = None
            self._sink = None
            self._release()
        return 0

    def _release(self):
        if self._over:
            return 0
        self._over = True
        self._state_of_loop._transport_fds.discard(self._fd)
        self._fd = -1
        roster = self._roster
        self._roster = None
        try:
            self._endpoint.close()
        finally:
            if roster is not None:
                roster._strike(self)
        return 0

    def __del__(self):
        if (not cython.compiled and "_over" not in self.__dict__) or self._endpoint is None or self._over:
            return
        try:
            if warnings is not None:  # else Python ends, and modules have lost their names
                warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
        finally:
            self._release()


def describe_socket(sock, known):
    """get_extra_info's answers for a socket; `known`, a dictionary or None, has more of them."""
    extra = {} if known is None else dict(known)
    extra["socket"] = TransportSocket(sock)
    try:
        extra["sockname"] = sock.getsockname()
    except OSError:
        extra["sockname"] = None
    if "peername" not in extra:
        try:
            extra["peername"] = sock.getpeername()
        except OSError:
            extra["peername"] = None
    return extra
