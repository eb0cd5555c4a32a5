"""What the programs share: each is an ordinary asyncio program, a list of scenarios that run one after the other.

ECOSYSTEM_MODE says how it was started, and so whose classes have to be in use:

- ``standard``: the reference, nothing of tulipa's
- ``loop``: tulipa's loop, and so its tasks, futures and transports, under the standard library's asyncio
- ``full`` and ``late``: tulipa's asyncio all through, put in place before or after the library was imported

A scenario fails if it raises or hangs, leaves a task, a thread or a descriptor, or if something was reported to the
loop's exception handler, in asyncio's log, or by the interpreter as unraisable. Warnings are errors (``-W error``).
"""

import asyncio
import contextlib
import functools
import gc
import logging
import os
import socket
import ssl
import sys
import threading
import time

MODE = os.environ["ECOSYSTEM_MODE"]
PATIENCE = 60  # seconds; only ever used up by a scenario that hangs
LARGE = bytes(range(256)) * 8 * 1024  # 2 MiB: more than the buffers of a connection hold
LOOPBACK = "127.0.0.1"

# Where the classes of the loop, of the task and of what is used by name come from.
ORIGINS = {
    "standard": ("asyncio", "asyncio", "asyncio"),
    "loop": ("tulipa", "tulipa", "asyncio"),
    "full": ("tulipa", "tulipa", "tulipa"),
    "late": ("tulipa", "tulipa", "tulipa"),
}

reports = []  # what no caller gets to see: one sentence each


def origin(thing):
    """The package that a class, function, module or object comes from."""
    name = getattr(thing, "__module__", None) or getattr(thing, "__name__", "")
    return name.partition(".")[0].lstrip("_")


def make_loop():
    """A loop as this mode has it."""
    if MODE == "loop":
        import tulipa

        return tulipa.EventLoop()
    return asyncio.new_event_loop()


def check_classes(libraries):
    """What runs, and what the libraries hold, is the asyncio of this mode."""
    by_name = asyncio.Queue, asyncio.Future if MODE != "loop" else asyncio.Queue, asyncio.gather, asyncio.TaskGroup
    found = origin(type(asyncio.get_running_loop())), origin(type(asyncio.current_task())), *map(origin, by_name)
    loop, task, names = ORIGINS[MODE]
    assert found == (loop, task, *[names] * len(by_name)), f"whose loop, task, classes: {found}"
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in libraries:
            held = vars(module).get("asyncio")
            other = getattr(held, "__name__", None) in ("asyncio", "tulipa.asyncio") and held is not asyncio
            assert not other, f"{name} holds {held!r}"


def run(*scenarios, libraries=()):
    """Run each scenario on a loop of its own, and print its name once nothing is left of it."""
    sys.unraisablehook = lambda report: reports.append(f"unraisable: {report.exc_value!r} in {report.object!r}")
    threading.excepthook = lambda report: reports.append(f"in a thread: {report.exc_value!r}")
    for scenario in scenarios:
        descriptors, threads = open_descriptors(), set(threading.enumerate())
        with asyncio.Runner(loop_factory=make_loop if MODE == "loop" else None) as runner, asyncio_log():
            runner.run(_supervise(scenario, libraries))
        gc.collect()
        _check_end(descriptors, threads)
        assert not reports, f"{scenario.__name__}: {'; '.join(reports)}"
        print("passed", scenario.__name__, flush=True)


async def _supervise(scenario, libraries):
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reports.append(f"the exception handler got {context}"))
    check_classes(libraries)
    async with asyncio.timeout(PATIENCE):
        await scenario()
    check_classes(libraries)  # and of what was imported meanwhile
    for _ in range(3):  # transports finish closing
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks are left: {left}"


@contextlib.contextmanager
def asyncio_log():
    """Warnings in asyncio's log are reports, but for those of debug mode about slow steps."""
    handler = logging.Handler(logging.WARNING)
    handler.addFilter(lambda record: not record.getMessage().startswith("Executing "))
    handler.emit = lambda record: reports.append(f"asyncio logged: {record.getMessage()}")
    logging.getLogger("asyncio").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("asyncio").removeHandler(handler)


def open_descriptors():
    """The open descriptors, number to what each leads to; empty where the system does not tell."""
    found = {}
    with contextlib.suppress(OSError):
        for number in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # the one that lists the directory
                found[int(number)] = os.readlink(f"/proc/self/fd/{number}")
    return found


def _check_end(descriptors, threads):
    deadline = time.monotonic() + PATIENCE
    for thread in set(threading.enumerate()) - threads:
        # Some libraries keep idle threads for the next time; those are daemons, or end a little later.
        thread.join(0 if thread.daemon else max(0, deadline - time.monotonic()))
        assert thread.daemon or not thread.is_alive(), f"a thread goes on: {thread!r}"
    now = open_descriptors()
    new = {number: target for number, target in now.items() if descriptors.get(number) != target}
    assert len(now) <= len(descriptors), f"descriptors are left: {new}"


@functools.cache
def tls_contexts():
    """A server's context and that of a client that trusts it, for localhost."""
    import trustme

    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", LOOPBACK).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


def listening():
    """A listening socket on a free port, and that port."""
    listener = socket.create_server((LOOPBACK, 0))
    return listener, listener.getsockname()[1]


def pieces_of(data, size=100_000):
    """The data in pieces, the last one shorter."""
    return [data[start : start + size] for start in range(0, len(data), size)]


async def slowly(data, size=100_000):
    """The pieces of the data, each a turn of the loop after the other."""
    for piece in pieces_of(data, size):
        yield piece
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def cancelled_after(task):
    """Cancel the task when the block ends, and wait until it has ended."""
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
