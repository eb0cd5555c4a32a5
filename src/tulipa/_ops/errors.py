"""What becomes of an exception that nobody is there to catch: the loop's exception handler."""

import contextvars
import traceback
from asyncio.log import logger
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, dict[str, Any]], object]


def get_exception_handler(loop) -> Handler | None:
    """The handler that was set, or None while the default one is in use."""
    return loop._exception_handler


def set_exception_handler(loop, handler: Handler | None) -> None:
    """Have ``handler(loop, context)`` called for such exceptions; None for the default. Raises TypeError."""
    if handler is not None and not callable(handler):
        raise TypeError(f"A callable object or None is expected, got {handler!r}; it is called with (loop, context)")
    loop._exception_handler = handler


def default_exception_handler(loop, context: dict[str, Any]) -> None:
    """Log the message, the exception and everything else in `context`, to the logger ``asyncio``."""
    origin = getattr(loop._current_handle, "_source_traceback", None)
    if origin and "source_traceback" not in context:
        context["handle_traceback"] = origin  # debug mode: where the callback that runs now was scheduled
    lines = [context.get("message") or "Unhandled exception in event loop"]
    lines.extend(_describe(key, context[key]) for key in sorted(context) if key not in ("message", "exception"))
    exception = context.get("exception")
    if exception is None:
        logger.error("\n".join(lines))
    else:
        logger.error("\n".join(lines), exc_info=(type(exception), exception, exception.__traceback__))


def call_exception_handler(loop, context: dict[str, Any]) -> None:
    """Give `context` to the exception handler, in the context variables of the task or handle it is about.

    Keys are ``message``, and where they apply ``exception``, ``future``, ``task``, ``handle``, ``protocol``,
    ``transport``, ``socket``, ``asyncgen`` and ``source_traceback``. Lets only KeyboardInterrupt and SystemExit out.
    """
    if logger is None:
        return  # Python ends, and modules have lost their names
    handler = loop._exception_handler
    if handler is None:
        _handle_by_default(loop, context, "Exception in default exception handler")
        return
    try:
        variables = _variables_of(context)
        if variables is None:
            handler(loop, context)
        else:
            # A copy, because the task itself may be what calls us, and a context can't be entered twice.
            variables.copy().run(handler, loop, context)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        failure = {"message": "Unhandled error in exception handler", "exception": exc, "context": context}
        _handle_by_default(
            loop, failure,
            "Exception in default exception handler while handling an unexpected error in custom exception handler",
        )


def _handle_by_default(loop, context, complaint):
    """Call the default handler, which a subclass may have replaced, and log `complaint` where that fails."""
    try:
        loop.default_exception_handler(context)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException:
        logger.error(complaint, exc_info=True)


def _variables_of(context):
    """The contextvars.Context of what the report is about, or None."""
    for key in ("task", "future", "handle"):
        if context.get(key) is not None:
            get_context = getattr(context[key], "get_context", None)
            variables = None if get_context is None else get_context()
            # What else was given as a context is what the report is about.
            return variables if isinstance(variables, contextvars.Context) else None
    return None


def _describe(key, value):
    if key in ("source_traceback", "handle_traceback"):
        text = "".join(traceback.format_list(value)).rstrip()
        what = "Object" if key == "source_traceback" else "Handle"
        return f"{key}: {what} created at (most recent call last):\n{text}"
    return f"{key}: {value!r}"
