"""The ends of a stream at its transport: a writer's calls, whether `drain` has to wait, what goes to the reader.

They know the transport by asyncio's interface; one of ours is spoken to in C.
"""

import collections

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.inflow import Inflow
from tulipa._transports.life import Sink

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.native import referent
    from tulipa._transports.carrying import carry, is_ending


class StreamEvents(Sink):
    """What the transport tells a stream's protocol: data, which goes to the reader, and whether to go on writing."""

    def __init__(self, loop):
        self._next = None
        self._loop = loop
        self._paused = False
        self._connection_lost = False
        self._drain_waiters = collections.deque()
        self._drains_plainly = False
        self._stream_reader_wr = None

    def data_received(self, data):
        """Give `data` to the reader, as long as somebody holds it."""
        self._give(data)

    def _takes_directly(self):
        return type(self).data_received is StreamEvents.data_received

    def _take_data(self, data):
        return self._give(data)

    def _give(self, data):
        if self._stream_reader_wr is None:
            return 0
        reader = referent(self._stream_reader_wr)
        if isinstance(reader, Inflow) and cython.cast(Inflow, reader)._is_fed_plainly:
            cython.cast(Inflow, reader)._feed(data)
        elif reader is not None:
            reader.feed_data(data)
        return 0


class Outflow:
    """What a stream's writer is, but for its coroutines, which are not compiled."""

    def __init__(self, transport, protocol, reader, loop):
        self._transport = transport
        self._protocol = protocol
        self._reader = reader
        self._loop = loop

    def write(self, data):
        """Send `data`, bytes or the like, without waiting for it; `await drain()` after it to keep pace."""
        if type(data) is bytes:
            carry(self._transport, data)
        else:
            self._transport.write(data)

    def writelines(self, data):
        """Send every piece of `data`, in order."""
        self._transport.writelines(data)

    def _is_drained(self):
        """Whether writing may go on; False where it takes a closer look. Raises what the reader's exception is."""
        reader = self._reader
        if reader is not None:
            ours = isinstance(reader, Inflow)
            exc = cython.cast(Inflow, reader)._exception if ours else reader.exception()
            if exc is not None:
                raise exc
        if not isinstance(self._protocol, StreamEvents):
            return False
        events = cython.cast(StreamEvents, self._protocol)
        if events._paused or events._connection_lost or not events._drains_plainly:
            return False
        return not is_ending(self._transport)
