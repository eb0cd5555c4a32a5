"""Runner and run, as asyncio's of Python 3.15."""

import asyncio
import contextvars
import functools
import inspect
import signal
import threading
from asyncio import CancelledError, constants
from asyncio.runners import _State  # type: ignore[attr-defined]

from tulipa import policy
from tulipa._highlevel.wrapping import hint_for, wait_for_awaitable

# Seconds for the threads of the default executor to end.
_THREAD_JOIN_TIMEOUT = getattr(constants, "THREAD_JOIN_TIMEOUT", 300)


class Runner:
    """A loop for one `run` or several, in one context: ``with Runner() as runner: runner.run(main())``.

    `loop_factory` makes the loop; None for ``asyncio.new_event_loop()``, which is also made the thread's current
    loop. `debug` is the loop's debug mode; None leaves it alone.
    """

    def __init__(self, *, debug=None, loop_factory=None):
        self._state = _State.CREATED
        self._debug = debug
        self._loop_factory = loop_factory
        self._loop = None
        self._context = None
        self._interrupt_count = 0
        self._set_event_loop = False

    def __enter__(self):
        self._lazy_init()
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.close()

    def get_loop(self):
        """The loop. Raises RuntimeError once closed."""
        self._lazy_init()
        return self._loop

    def run(self, coro, *, context=None):
        """Run a coroutine, or another awaitable, to its end; gives its result or raises its exception.

        `context` is the contextvars.Context to run it in, None the runner's own. In the main thread Ctrl-C cancels
        it, and KeyboardInterrupt is raised when it has ended; a second one is raised at once. Raises RuntimeError
        inside of a running loop, TypeError for what can't be awaited.
        """
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("Runner.run() cannot be called from a running event loop; await the coroutine instead")
        coro = as_coroutine(coro)
        self._lazy_init()
        task = self._loop.create_task(coro, context=self._context if context is None else context)
        handler = self._handle_interrupts(task)
        self._interrupt_count = 0
        try:
            return self._loop.run_until_complete(task)
        except CancelledError:
            # A task class of one's own may lack `uncancel`: then nobody knows whether others have cancelled it too.
            if self._interrupt_count > 0 and hasattr(task, "uncancel") and task.uncancel() == 0:
                raise KeyboardInterrupt()  # its context tells where the program was
            raise
        finally:
            if handler is not None and signal.getsignal(signal.SIGINT) is handler:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def close(self):
        """Cancel the tasks that are left, end asynchronous generators and the default executor, close the loop."""
        if self._state is not _State.INITIALIZED:
            return
        loop = self._loop
        try:
            _cancel_all_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(_shut_down_executor(loop))
        finally:
            if self._set_event_loop:
                policy.set_event_loop(None)
            loop.close()
            self._loop = None
            self._state = _State.CLOSED

    def _lazy_init(self):
        if self._state is _State.CLOSED:
            raise RuntimeError("Runner is closed: make a new one")
        if self._state is _State.INITIALIZED:
            return
        if self._loop_factory is None:
            self._loop = policy.new_event_loop()
            policy.set_event_loop(self._loop)
            self._set_event_loop = True
        else:
            self._loop = self._loop_factory()
        if self._debug is not None:
            self._loop.set_debug(self._debug)
        self._context = contextvars.copy_context()
        self._state = _State.INITIALIZED

    def _handle_interrupts(self, task):
        """Have Ctrl-C cancel `task`; gives the handler, or None where that is not ours to decide."""
        if threading.current_thread() is not threading.main_thread():
            return None
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return None
        handler = functools.partial(self._on_sigint, main_task=task)
        try:
            signal.signal(signal.SIGINT, handler)
        except ValueError:
            return None  # an embedded interpreter whose main thread gets no signals
        return handler

    def _on_sigint(self, signum, frame, main_task):
        self._interrupt_count += 1
        if self._interrupt_count > 1 or main_task.done():
            raise KeyboardInterrupt()
        main_task.cancel()
        self._loop.call_soon_threadsafe(_nothing)  # wakes a loop that waits


def run(main, *, debug=None, loop_factory=None):
    """Run `main` in a new loop to its end and close the loop; gives its result or raises its exception.

    As a `Runner` for one coroutine. Raises RuntimeError inside of a running loop, TypeError for what can't be
    awaited.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("asyncio.run() cannot be called from a running event loop; await the coroutine instead")
    with Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)


class NotACoroutine(TypeError, ValueError):
    """What `run` was given; a ValueError too, as up to Python 3.13."""


def as_coroutine(main):
    """The coroutine given, or one that waits for the awaitable given. Raises TypeError."""
    if asyncio.iscoroutine(main):
        return main
    if not inspect.isawaitable(main):
        raise NotACoroutine(f"a coroutine was expected, got {main!r}{hint_for(main)}")
    return wait_for_awaitable(main)


def _cancel_all_tasks(loop):
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return
    from tulipa._highlevel.gathering import gather  # most programs leave no task behind

    for task in tasks:
        task.cancel()
    loop.run_until_complete(gather(*tasks, return_exceptions=True))
    for task in tasks:
        if not task.cancelled() and task.exception() is not None:
            loop.call_exception_handler(
                {
                    "message": "unhandled exception during asyncio.run() shutdown",
                    "exception": task.exception(),
                    "task": task,
                }
            )


def _shut_down_executor(loop):
    """Not every loop of Python 3.11 lets the time be limited."""
    try:
        limited = "timeout" in inspect.signature(loop.shutdown_default_executor).parameters
    except (TypeError, ValueError):
        limited = True
    return loop.shutdown_default_executor(*([_THREAD_JOIN_TIMEOUT] if limited else []))


def _nothing():
    pass
