"""One child process, from its start until its exit status is known.

Some facts, and what follows from them:

- A pidfd means one process for ever, whatever becomes of its number. So: it is signalled and waited for by the pidfd,
  which can reach no other process.
- A pidfd is readable once the process has ended. So: the driver watches it, in any thread's loop, without SIGCHLD.
- Where there is none (an old kernel, another system, no descriptor left), a thread waits, without taking the status:
  until the loop has taken it, the number can't be used again.
- `subprocess.Popen` may be asked for its status by other code, in another thread too. So: its own lock is held while
  the status is taken, and its result is believed.
- Up to Python 3.13 a program may choose a child watcher, which takes the status by itself. So: that one is asked.
- Other code may take the status of any child (`os.waitpid(-1)`, SIGCHLD ignored). So: what is lost is told, as 255.
"""

import contextlib
import os
import signal
import threading
from asyncio.log import logger

from tulipa._core.handles import Handle
from tulipa._drivers.base import READ
from tulipa._transports.callbacks import watcher_for

LOST_STATUS = 255


class Child:
    """The process of a `subprocess.Popen`; it takes the exit status, and owns a descriptor while that is unknown."""

    def __init__(self, popen):
        self.popen = popen
        self.pid = popen.pid
        self._parent = os.getpid()
        self._pidfd = _open_pidfd(popen.pid)
        self._watcher = None
        self._asked = False

    def is_ours(self):
        """Whether this process is the parent; after os.fork() there is a copy of this object in another one."""
        return os.getpid() == self._parent

    def watch(self, loop, callback, context):
        """Have `callback()` called once, in the loop, when the process has ended: then call `reap`."""
        if self._asked:
            return
        if self._pidfd >= 0:
            watcher = watcher_for(loop, self._pidfd)
            try:
                watcher.set_callback(READ, Handle(callback, (), loop, context))
            except OSError:
                self._close_pidfd()
            else:
                self._watcher = watcher
                return
        self.wait_in_thread(lambda: loop.call_soon_threadsafe(callback, context=context))

    def ask(self, child_watcher, loop, callback, context):
        """As `watch`, by one of asyncio's child watchers: it takes the exit status, and `reap` only tells it."""
        self._asked = True
        child_watcher.add_child_handler(self.pid, self._told, loop, callback, context)

    def _told(self, pid, returncode, loop, callback, context):
        """By the child watcher, in whatever thread."""
        with self._lock():
            if self.popen.returncode is None:
                self.popen.returncode = returncode
        try:
            loop.call_soon_threadsafe(callback, context=context)
        except RuntimeError:
            # The loop was closed meanwhile.
            self.reap()

    def wait_in_thread(self, callback=None):
        """Call `callback()` in a thread when the process has ended; `reap` where there is none, or nobody listens."""
        self._asked = False
        threading.Thread(target=self._wait, args=(callback,), name=f"waitpid-{self.pid}", daemon=True).start()

    def reap(self):
        """The exit status, negative for a signal's number; None where the process has not ended. Never blocks."""
        with self._lock():
            if self.popen.returncode is None and not self._asked:
                self.popen.returncode = self._take_status()
            if self.popen.returncode is not None:
                self._release()
        return self.popen.returncode

    def _lock(self):
        return getattr(self.popen, "_waitpid_lock", contextlib.nullcontext())

    def send_signal(self, number):
        """Signal the process, and never another one; harmless when it has ended. Raises OSError."""
        if self.popen.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, number)
            elif self._is_there():
                os.kill(self.pid, number)

    def _is_there(self):
        """Whether the number still is that of our child: other code may have taken its status."""
        try:
            if hasattr(os, "waitid"):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def _release(self):
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.remove_callback(READ)
        self._close_pidfd()

    def _close_pidfd(self):
        fd, self._pidfd = self._pidfd, -1
        if fd >= 0:
            os.close(fd)

    def _wait(self, callback):
        """In a thread of its own."""
        if hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            self.popen.wait()
        try:
            if callback is not None:
                callback()
                return
        except RuntimeError:
            # The loop was closed meanwhile.
            pass
        self.reap()

    def _take_status(self):
        try:
            if self._pidfd >= 0:
                found = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)
                if found is None:
                    return None
                return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return os.waitstatus_to_exitcode(status) if pid else None
        except ChildProcessError:
            logger.warning(
                "the exit status of child process %d is lost: other code has taken it (os.waitpid(-1), or SIGCHLD "
                "is ignored); will report returncode %d", self.pid, LOST_STATUS,
            )
            return LOST_STATUS


def _open_pidfd(pid):
    """A descriptor that can be watched and waited for, or -1."""
    try:
        fd = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1
    try:
        os.waitid(os.P_PIDFD, fd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return fd
    except OSError:
        os.close(fd)
        return -1
    return fd
