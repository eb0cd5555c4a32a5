"""The outgoing half of a stream: a writer's calls to its transport, and whether `drain` has to wait."""

import collections

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.inflow import Inflow


class StreamEvents:
    """What the transport tells a stream's protocol: data, which goes to the reader, and whether to go on writing."""

    def __init__(self, loop):
        self._loop = loop
        self._paused = False
        self._connection_lost = False
        self._drain_waiters = collections.deque()
        self._drains_plainly = False
        self._stream_reader_wr = None

    def data_received(self, data):
        """Give `data` to the reader, as long as somebody holds it."""
        reference = self._stream_reader_wr
        if reference is not None:
            reader = reference()
            if reader is not None:
                reader.feed_data(data)


class Outflow:
    """What a stream's writer is, but for its coroutines, which are not compiled."""

    def __init__(self, transport, protocol, reader, loop):
        self._transport = transport
        self._protocol = protocol
        self._reader = reader
        self._loop = loop

    def write(self, data):
        """Send `data`, bytes or the like, without waiting for it; `await drain()` after it to keep pace."""
        self._transport.write(data)

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
        return not self._transport.is_closing()
