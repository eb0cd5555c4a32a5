"""Asynchronous generators: the loop closes those that are left unfinished (PEP 525)."""

import asyncio
import functools
import sys
import warnings


def set_hooks(loop):
    """From now on this thread's generators are `loop`'s; gives the hooks before, for `restore_hooks`."""
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(
        firstiter=functools.partial(_first_iteration, loop),
        finalizer=functools.partial(_close_abandoned, loop),
    )
    return before


def restore_hooks(before):
    """Undo `set_hooks`."""
    sys.set_asyncgen_hooks(*before)


async def shutdown_asyncgens(loop) -> None:
    """Close every asynchronous generator that is not finished; failures go to the exception handler."""
    loop._generators_shut_down = True
    generators = list(loop._generators)
    loop._generators.clear()
    results = await asyncio.gather(*[generator.aclose() for generator in generators], return_exceptions=True)
    for generator, result in zip(generators, results, strict=True):
        if isinstance(result, Exception):
            loop.call_exception_handler({
                "message": f"an error occurred during closing of asynchronous generator {generator!r}",
                "exception": result,
                "asyncgen": generator,
            })


def _first_iteration(loop, generator):
    if loop._generators_shut_down:
        warnings.warn(
            f"asynchronous generator {generator!r} was scheduled after loop.shutdown_asyncgens() call; "
            "nothing will close it if it is not exhausted",
            ResourceWarning,
            source=loop,
            stacklevel=2,
        )
    loop._generators.add(generator)


def _close_abandoned(loop, generator):
    """Called by the garbage collector, in whatever thread that runs."""
    loop._generators.discard(generator)
    if not loop.is_closed():
        loop.call_soon_threadsafe(loop.create_task, generator.aclose())
