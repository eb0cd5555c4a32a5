"""Room in the queue of a UNIX datagram socket, of which a sender that is not connected to it is told nothing.

Facts of Linux, and what follows from them:

- A UNIX datagram socket holds a few datagrams (`net.unix.max_dgram_qlen`); then sending to it fails with EAGAIN,
  while the sender's own socket goes on being reported as ready for writing. So: to wait for that readiness would be
  to try without a pause.
- A socket that is connected to the full one is not ready before there is room. So: a second socket, connected
  there and never used to send, is waited for.
"""

import socket

from tulipa._core.handles import Handle
from tulipa._drivers.base import WRITE
from tulipa._transports.callbacks import release, watcher_for

# Where there can't be a second socket: seconds until the next try.
RETRY = 0.01


def open_probe(family, address):
    """A socket that is ready for writing once there is room at `address`; None where it can't be had."""
    if family != getattr(socket, "AF_UNIX", None):
        return None
    try:
        probe = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        return None
    try:
        probe.setblocking(False)
        probe.connect(address)
    except OSError:
        # Gone: sending tells. Or it accepts its own peer only, which is never told of a full queue.
        probe.close()
        return None
    return probe


class RoomWatch:
    """Calls `callback` once, in `context`, when there is room at `address` again, or it is worth a try."""

    def __init__(self, loop, family, address, callback, context):
        self._loop = loop
        self._timer = None
        self._probe = open_probe(family, address)
        if self._probe is None:
            self._timer = loop.call_later(RETRY, callback, context=context)
        else:
            handle = Handle(callback, (), loop, context)
            watcher_for(loop, self._probe.fileno()).set_callback(WRITE, handle)

    def close(self):
        """Call nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        else:
            release(self._loop, self._probe.fileno())
            self._probe.close()
