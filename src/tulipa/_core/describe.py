"""Words for callbacks, futures and tasks: what `repr`, error messages and debug mode say of them."""

import functools
import inspect
import reprlib
import sys
import traceback
from asyncio.log import logger

_STACK_DEPTH = 10


def creation_stack():
    """The stack of the caller outside of this package, newest frame last (debug mode only)."""
    frame = sys._getframe(1)
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    if frame is None:
        return traceback.StackSummary()
    stack = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=_STACK_DEPTH, lookup_lines=False)
    stack.reverse()
    return stack


def callback(func, args, debug):
    """`func` with its place in the source; its arguments only in debug mode, for they may be secrets."""
    text = _call(func, args, {}, debug)
    place = _source_of(func)
    return f"{text} at {place[0]}:{place[1]}" if place else text


@reprlib.recursive_repr()
def future(item):
    """The `repr` of a Future: state, result or exception, callbacks, origin."""
    words = [type(item).__name__, item._state.lower()]
    return with_origin(words + _outcome(item) + _callbacks(item), item._source_traceback)


@reprlib.recursive_repr()
def task(item):
    """The `repr` of a Task: as a future's, with its name, its coroutine and what it waits for."""
    cancelling = item.cancelling() > 0 and not item.done()
    words = [type(item).__name__, "cancelling" if cancelling else item._state.lower()]
    words.append(f"name={item.get_name()!r}")
    if item.get_coro() is not None:
        words.append(f"coro=<{coroutine(item.get_coro())}>")
    if item._fut_waiter is not None:
        words.append(f"wait_for={item._fut_waiter!r}")
    return with_origin(words + _outcome(item) + _callbacks(item), item._source_traceback)


def coroutine(coro):
    """Name, state and place of a coroutine or generator object."""
    name = getattr(coro, "__qualname__", None) or getattr(coro, "__name__", None)
    name = name or f"{type(coro).__name__} without name"
    code = getattr(coro, "cr_code", None) or getattr(coro, "gi_code", None)
    running = getattr(coro, "cr_running", False) or getattr(coro, "gi_running", False)
    if code is None:
        return f"{name}() running" if running else f"{name}()"
    frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
    if frame is not None:
        return f"{name}() running at {code.co_filename}:{frame.f_lineno}"
    return f"{name}() done, defined at {code.co_filename}:{code.co_firstlineno}"


def with_origin(words, source_traceback):
    """``<words ...>``, with the place where the thing was made where that is known."""
    if source_traceback:
        words.append(f"created at {source_traceback[-1].filename}:{source_traceback[-1].lineno}")
    return f"<{' '.join(words)}>"


def _is_ours(frame):
    return frame.f_globals.get("__name__", "").startswith("tulipa.")


def _outcome(item):
    if not item.done() or item.cancelled():
        return []
    if item._exception is not None:
        return [f"exception={item._exception!r}"]
    return [f"result={reprlib.repr(item._result)}"]


def _callbacks(item):
    entries = item._callbacks
    if not entries:
        return []
    debug = item.get_loop().get_debug()
    shown = [callback(func, (), debug) for func, _ in entries]
    if len(shown) > 2:
        shown[1:-1] = [f"<{len(shown) - 2} more>"]
    return [f"cb=[{', '.join(shown)}]"]


def _source_of(func):
    func = inspect.unwrap(func)
    if inspect.isfunction(func) or inspect.ismethod(func):
        return func.__code__.co_filename, func.__code__.co_firstlineno
    if isinstance(func, (functools.partial, functools.partialmethod)):
        return _source_of(func.func)
    return None


def _call(func, args, keywords, debug, suffix=""):
    if isinstance(func, functools.partial):
        return _call(func.func, func.args, func.keywords, debug, _arguments(args, keywords, debug) + suffix)
    name = getattr(func, "__qualname__", None) or getattr(func, "__name__", None) or repr(func)
    return name + _arguments(args, keywords, debug) + suffix


def _arguments(args, keywords, debug):
    if not debug:
        return "()"
    shown = [reprlib.repr(arg) for arg in args or ()]
    shown.extend(f"{key}={reprlib.repr(value)}" for key, value in (keywords or {}).items())
    return f"({', '.join(shown)})"


def log_slow(link, seconds):
    """Debug mode: warn of what held the loop up."""
    logger.warning("Executing %r took %.3f seconds", link, seconds)
