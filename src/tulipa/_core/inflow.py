"""The incoming half of a stream: bytes that have arrived, the one reader that waits for more, back-pressure.

Nothing is taken out for a reader before it runs: cancelled at any point, it leaves every byte where it was.
"""

import sys
from asyncio.exceptions import IncompleteReadError, LimitOverrunError

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._core.bytebuffer import ByteBuffer, SharedBuffer
from tulipa._core.places import Place
from tulipa._core.ready import LoopState

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._core.places import stand_alone

_ALL = sys.maxsize


class Inflow:
    """What a stream's reader is, but for its coroutines, which are not compiled.

    A ``_read…`` method gives bytes, or where its reader has to wait, the future to wait for. Then it is asked again,
    for another reader may have been faster. Who stops waiting before the future is done says so by `_stop_waiting`.
    """

    def __init__(self, limit, loop):
        self._loop = loop
        self._store = ByteBuffer()
        self._consumed = 0
        self._mark = 0
        self._eof = False
        self._exception = None
        self._waiter = None
        self._woken = False
        self._need = 0
        self._spare = None
        self._transport = None
        self._paused = False
        self._is_fed_plainly = self.feed_data == Inflow.feed_data.__get__(self)
        self._set_limit(limit)

    # -- what others look at --------------------------------------------------------------------------------

    @property
    def _limit(self):
        return self._limit_given

    @_limit.setter
    def _limit(self, limit):
        self._set_limit(limit)

    def _set_limit(self, limit):
        self._cap = int(min(limit, _ALL // 2))
        self._limit_given = limit
        return 0

    @property
    def _buffer(self):
        """The bytes as a bytearray, which from now on is where they are kept: changing it changes the stream."""
        if not isinstance(self._store, SharedBuffer):
            size = self._store.count()
            self._store = SharedBuffer(bytearray(self._store.take(size) if size > 0 else b""))
        return self._store.array

    @_buffer.setter
    def _buffer(self, array):
        self._store = SharedBuffer(array)

    def _count(self):
        """How many bytes are there to be read."""
        return self._store.count()

    def exception(self):
        """The exception that `set_exception` was given; None while there is none."""
        return self._exception

    def at_eof(self):
        """Whether the end was fed and all before it was read."""
        return self._eof and self._store.count() == 0

    # -- the side of the transport --------------------------------------------------------------------------

    def set_transport(self, transport):
        """Say whose reading to pause when too much arrives; once only."""
        if self._transport is not None:
            raise AssertionError(f"this stream reads from {self._transport!r} already; make a StreamReader for each")
        self._transport = transport

    def _replace_transport(self, transport):
        """What was paused was the old one."""
        self._transport = transport
        self._paused = False
        self._pause_if_full()

    def feed_data(self, data):
        """Add bytes that have arrived. AssertionError after `feed_eof`."""
        self._feed(data)

    def _feed(self, data):
        if self._eof:
            raise AssertionError("feed_data after feed_eof: the stream has ended, nothing can follow")
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        if len(data) == 0:
            return 0
        self._store.append(data)
        if self._waiter is not None:
            # Whoever asks for more than the limit gets it: only what is left over may be too much.
            surplus = self._store.count() - self._need
            if surplus >= 0:
                self._wake()
            if surplus <= 2 * self._cap:
                return 0
        self._pause_if_full()
        return 0

    def feed_eof(self):
        """Say that nothing more arrives."""
        self._eof = True
        self._wake()

    def set_exception(self, exc):
        """Have all reading raise `exc` from now on; but who was woken by what came before it gets that first."""
        self._exception = exc
        if self._waiter is not None:
            self._wake()
            self._woken = False

    def _wakeup_waiter(self):
        self._wake()

    def _wake(self):
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if _is_pending(waiter):
                self._woken = True
                if type(waiter) is Place:
                    cython.cast(Place, waiter)._finish(None)
                else:
                    waiter.set_result(None)
        return 0

    def _pause_if_full(self):
        if self._paused or self._transport is None or self._store.count() <= 2 * self._cap:
            return 0
        try:
            self._transport.pause_reading()
        except NotImplementedError:
            # It can't be paused, and need not be asked again.
            self._transport = None
        else:
            self._paused = True
        return 0

    def _maybe_resume_transport(self):
        self._resume_if_low()

    def _resume_if_low(self):
        if self._paused and self._store.count() <= self._cap:
            self._resume()
        return 0

    def _resume(self):
        self._paused = False
        self._transport.resume_reading()
        return 0

    # -- the side of the reader -----------------------------------------------------------------------------

    def _read(self, size):
        """At most `size` bytes, as soon as there is one; everything up to the end for a negative size."""
        data = self._take_some(size)
        return self._new_waiter(1 if size > 0 else _ALL, "read") if data is None else data

    def _read_exactly(self, size):
        """`size` bytes; IncompleteReadError at the end."""
        data = self._take_exactly(size)
        return self._new_waiter(size, "readexactly") if data is None else data

    def _read_until(self, separators, mark, method):
        """What ends with one of `separators`, bytes by ascending length; the shortest there is.

        `mark` is 0 at first, then what `_mark` says after the call before.
        """
        data = self._take_until(separators, mark)
        return self._new_waiter(0, method) if data is None else data

    def _wait_for_more(self, method):
        """A future that is done when more bytes have arrived, at the end and at an exception."""
        return self._new_waiter(0, method)

    def _new_waiter(self, need, method):
        """A future that is done when more has arrived, to at least `need` bytes, at the end and at an exception."""
        if self._waiter is not None and _is_pending(self._waiter):
            raise RuntimeError(
                f"{method}() called while another coroutine is waiting for data of this stream; "
                "let one task do the reading, or guard it with a lock"
            )
        if self._exception is not None:
            raise self._exception
        waiter = self._pending_future()
        self._waiter = waiter
        self._need = need
        if self._paused:
            try:
                self._resume()  # may well give what it has been keeping at once
            except BaseException:
                self._waiter = None
                raise
        return waiter

    def _pending_future(self):
        loop = self._loop
        if not isinstance(loop, LoopState) or cython.cast(LoopState, loop)._debug:
            return loop.create_future()
        if cython.compiled:
            # A reader waits again and again. The place of last time will do, once nobody else refers to it.
            spare = self._spare
            if spare is not None and is_shared_by_two(spare) and spare._loop is loop and spare._renew():
                return spare
            self._spare = stand_alone(loop)
            return self._spare
        return stand_alone(loop)

    def _stop_waiting(self, waiter):
        self._woken = False
        if self._waiter is waiter:
            self._waiter = None

    def _begin_to_take(self):
        """Raise what was set, unless it came after what this reader was woken by."""
        if self._exception is not None and not self._woken:
            raise self._exception
        self._woken = False
        return 0

    def _take_some(self, size):
        """As `_read`, or None."""
        self._begin_to_take()
        if size == 0:
            return b""
        count = self._store.count()
        if size < 0:
            if not self._eof:
                return None
            size = count
        elif size > count:
            size = count
        if size == 0:
            return b"" if self._eof else None
        return self._take(size)

    def _take_exactly(self, size):
        """As `_read_exactly`, or None."""
        if size < 0:
            raise ValueError(f"readexactly size can not be less than zero, got {size}")
        self._begin_to_take()
        if size == 0:
            return b""
        if self._store.count() >= size:
            return self._take(size)
        if self._eof:
            raise IncompleteReadError(self._take_rest(), size)
        return None

    def _take_until(self, separators, mark):
        """As `_read_until`, or None.

        `mark` and `_mark` are how far there is no separator, counted from the stream's beginning. LimitOverrunError
        takes nothing out, IncompleteReadError at the end everything.
        """
        self._begin_to_take()
        count = self._store.count()
        # Whoever changes the bytes by way of `_buffer` moves them under the mark.
        start = 0 if isinstance(self._store, SharedBuffer) else max(mark - self._consumed, 0)
        if count - start >= len(separators[0]):
            place = -1
            end = 0
            for separator in separators:
                found = self._store.find(separator, start)
                if found >= 0 and (place < 0 or found + len(separator) < end):
                    place = found
                    end = found + len(separator)
            if place > self._cap:
                raise LimitOverrunError(
                    f"Separator is found, but only after {place} bytes, more than the limit of {self._limit_given}; "
                    "read them first, or give the stream a larger limit",
                    place,
                )
            if place >= 0:
                return self._take(end)
            start = max(start, count + 1 - len(separators[len(separators) - 1]))
            if start > self._cap:
                raise LimitOverrunError(
                    f"Separator is not found in {start} bytes, more than the limit of {self._limit_given}; "
                    "read them first, or give the stream a larger limit",
                    start,
                )
        if self._eof:
            raise IncompleteReadError(self._take_rest(), None)
        self._mark = self._consumed + start
        return None

    def _drop_overlong(self, separator, consumed):
        """After a LimitOverrunError: drop the part before the separator and it, or all if it isn't there."""
        count = self._store.count()
        found = self._store.find(separator, consumed) == consumed
        size = consumed + len(separator) if found else count
        if size > 0:
            self._take(size)

    def _take(self, size):
        data = self._store.take(size)
        self._consumed += size
        if self._paused:
            self._resume_if_low()
        return data

    def _take_rest(self):
        size = self._store.count()
        return self._take(size) if size > 0 else b""


def _is_pending(waiter):
    if type(waiter) is Place:
        return not cython.cast(Place, waiter)._done
    return not waiter.done()
