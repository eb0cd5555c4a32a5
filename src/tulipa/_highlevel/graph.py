"""The call graph: which task or future is awaited by which, as asyncio's of Python 3.14.

Who waits is not written down while the program runs, which would cost time at every ``await``. It is read from the
callbacks of a future when somebody asks: a task that waits left its wake-up there, a group or a gathering a method
that knows whom it works for. What can't be seen there is told by `future_add_to_awaited_by`.
"""

import asyncio
import inspect
import sys
import types
import weakref
from asyncio import isfuture
from typing import NamedTuple

# What `future_add_to_awaited_by` was told: beside the futures, for not all take attributes. Holds nothing alive.
_told: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_ASYNCIO_ADD = getattr(asyncio, "future_add_to_awaited_by", None)
_ASYNCIO_DISCARD = getattr(asyncio, "future_discard_from_awaited_by", None)
_GENERATOR_FLAGS = (
    inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
)


if sys.version_info >= (3, 14):
    from asyncio import FrameCallGraphEntry, FutureCallGraph
else:

    class FrameCallGraphEntry(NamedTuple):
        """One frame of a call stack."""

        frame: types.FrameType

    class FutureCallGraph(NamedTuple):
        """A future or task, its call stack (innermost frame first), and who awaits it."""

        future: asyncio.Future
        call_stack: tuple[FrameCallGraphEntry, ...]
        awaited_by: tuple["FutureCallGraph", ...]


def future_add_to_awaited_by(fut, waiter, /):
    """Tell that `waiter` awaits `fut`, where that can't be seen; both are futures, otherwise nothing happens."""
    if not isfuture(fut) or not isfuture(waiter):
        return
    _told.setdefault(fut, weakref.WeakSet()).add(waiter)
    if _ASYNCIO_ADD is not None:
        _ASYNCIO_ADD(fut, waiter)


def future_discard_from_awaited_by(fut, waiter, /):
    """Take back what `future_add_to_awaited_by` told."""
    if not isfuture(fut) or not isfuture(waiter):
        return
    _told.get(fut, set()).discard(waiter)
    if _ASYNCIO_DISCARD is not None:
        _ASYNCIO_DISCARD(fut, waiter)


def awaiters(future):
    """The futures and tasks that await `future`, in no particular order."""
    found = {}
    for callback, _ in getattr(future, "_callbacks", None) or ():
        owner = getattr(callback, "__self__", callback)
        waiter = owner if isfuture(owner) else getattr(owner, "_awaiter", None)
        if waiter is not None and not waiter.done():
            found[waiter] = None
    for told in (_told.get(future), getattr(future, "_asyncio_awaited_by", None)):
        found.update(dict.fromkeys(told or ()))
    return list(found)


def capture_call_graph(future=None, /, *, depth=1, limit=None):
    """The FutureCallGraph of `future`; of the current task where it is None, and None where there is none.

    Of the current task `depth` frames are left out, counted from this function on. `limit` keeps so many frames of
    each stack: the outermost ones where it is positive, the innermost ones where negative, none for 0.
    Raises RuntimeError without a future outside of a running loop, TypeError for what is no future.
    """
    loop = asyncio._get_running_loop()
    if future is None:
        if loop is None:
            raise RuntimeError(
                "capture_call_graph() is called outside of a running event loop and no *future* to introspect was "
                "provided: give it one"
            )
        future = asyncio.current_task(loop)
        if future is None:
            return None
    elif loop is None or future is not asyncio.current_task(loop):
        return _graph_of(future, limit, ())
    _check_future(future)
    stack = _running_stack(future, sys._getframe(depth)) if limit != 0 else []
    return FutureCallGraph(future, _limited(stack, limit), _graphs_of_awaiters(future, limit, ()))


def format_call_graph(future=None, /, *, depth=1, limit=None):
    """What `capture_call_graph` gives, as text; empty where that is None."""
    graph = capture_call_graph(future, depth=depth + 1, limit=limit)
    return "" if graph is None else "\n".join(_lines_of(graph, ""))


def print_call_graph(future=None, /, *, file=None, depth=1, limit=None):
    """Print `format_call_graph` to `file` (None is stdout)."""
    print(format_call_graph(future, depth=depth + 1, limit=limit), file=file)


# -- capturing ------------------------------------------------------------------------------------------------


def _check_future(future):
    if not isfuture(future):
        raise TypeError(f"{future!r} object does not appear to be compatible with asyncio.Future")


def _graph_of(future, limit, below):
    """The graph of a future that is not running; `below` are the futures on the way to it, for circles."""
    _check_future(future)
    stack = []
    coro = future.get_coro() if limit != 0 and hasattr(future, "get_coro") else None
    while coro is not None:
        if hasattr(coro, "cr_await"):
            frame, inner = coro.cr_frame, coro.cr_await
        elif hasattr(coro, "ag_await"):
            frame, inner = coro.ag_frame, coro.ag_await
        elif inspect.isgenerator(coro):
            frame, inner = coro.gi_frame, coro.gi_yieldfrom
        else:
            break
        if frame is not None:
            stack.append(FrameCallGraphEntry(frame))
        coro = inner
    stack.reverse()
    return FutureCallGraph(future, _limited(stack, limit), _graphs_of_awaiters(future, limit, below))


def _graphs_of_awaiters(future, limit, below):
    below = (*below, future)
    return tuple(_graph_of(waiter, limit, below) for waiter in awaiters(future) if waiter not in below)


def _running_stack(task, frame):
    """The frames from `frame` to the coroutine that `task` runs."""
    coro = task.get_coro()
    outermost = next((found for name in ("cr_frame", "gi_frame") if (found := getattr(coro, name, None))), None)
    stack = []
    while frame is not None:
        stack.append(FrameCallGraphEntry(frame))
        before = frame.f_back
        if frame is outermost or (_is_generator(frame) and before is not None and not _is_generator(before)):
            break  # what comes before is the loop's
        frame = before
    return stack


def _is_generator(frame):
    return bool(frame.f_code.co_flags & _GENERATOR_FLAGS)


def _limited(stack, limit):
    """`stack`, innermost frame first, cut down to `limit`."""
    if not limit:
        return tuple(stack)
    return tuple(stack[-limit:] if limit > 0 else stack[:-limit])


# -- showing --------------------------------------------------------------------------------------------------


def _lines_of(graph, indent):
    future = graph.future
    if hasattr(future, "get_name"):
        yield f"{indent}* Task(name={future.get_name()!r}, id={id(future):#x})"
    else:
        yield f"{indent}* Future(id={id(future):#x})"
    if graph.call_stack:
        yield f"{indent}  + Call stack:"
        for entry in graph.call_stack:
            yield f"{indent}  |   {_describe(entry.frame)}"
    if graph.awaited_by:
        yield f"{indent}  + Awaited by:"
        for awaiter in graph.awaited_by:
            yield from _lines_of(awaiter, indent + "    ")


def _describe(frame):
    code = frame.f_code
    kind = ""
    if code.co_flags & inspect.CO_COROUTINE:
        kind = "async "
    elif code.co_flags & inspect.CO_ASYNC_GENERATOR:
        kind = "async generator "
    elif code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ITERABLE_COROUTINE):
        kind = "generator "
    return f"File {code.co_filename!r}, line {frame.f_lineno}, in {kind}{code.co_qualname}()"
