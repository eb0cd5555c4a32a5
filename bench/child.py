"""What runs inside a measured Python process; started by bench.process, not by hand.

    python -m bench.child probe CONTENDER                       print what the loop is, as JSON
    python -m bench.child serve CONTENDER SERVER [OPTION ...]   serve bench.servers.SERVER, print {"port": N}
    python -m bench.child time CONTENDER MODULE WORKLOAD SECONDS [OPTION ...]   time bench.workloads.MODULE.WORKLOAD
    python -m bench.child run CONTENDER MODULE FUNCTION         run bench.workloads.MODULE.FUNCTION, print its answer

A line of JSON on standard output is the answer: {"unsupported": why} where the loop lacks what is needed.
The first error that reaches the loop's exception handler ends the process, so that no loop is measured while
it drops work.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import importlib.metadata
import json
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Coroutine
from typing import Any

from . import clock
from .contenders import Contender, by_name

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to kill this process when the benchmark ends, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def describe(error: NotImplementedError) -> str:
    """What is not implemented: the error's message, else the function that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return str(error) or f"{frames[-1].name if frames else 'something'} is not implemented"


def give_up(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's exception handler: report, then end the process."""
    error = context.get("exception")
    if isinstance(error, NotImplementedError):
        say({"unsupported": describe(error)})
    elif error is not None:
        traceback.print_exception(error)
    print(f"{context.get('message')}: {error!r}", file=sys.stderr, flush=True)
    os._exit(3)


async def inspect_loop(contender: Contender) -> None:
    """Answer with the version and class of the running loop, and what tulipa tells about itself."""
    loop = asyncio.get_running_loop()
    package = importlib.import_module(contender.module)
    facts: dict[str, Any] = {"loop": f"{type(loop).__module__}.{type(loop).__qualname__}"}
    if contender.module == "asyncio":
        facts["version"] = platform.python_version()
    else:
        facts["version"] = importlib.metadata.version(contender.module)
    if hasattr(package, "is_compiled"):
        facts["compiled"] = package.is_compiled()
    if hasattr(loop, "driver_name"):
        facts["driver"] = loop.driver_name
    say(facts)


async def serve(server: str, *options: str) -> None:
    """Start a server module and stay until killed."""
    module = importlib.import_module(f"bench.servers.{server}")
    say({"port": await module.start(*options)})
    await asyncio.get_running_loop().create_future()


async def measure(module: str, workload: str, seconds: str, *options: str) -> None:
    """Time a workload and answer with the figures; a module that has options takes them before."""
    home = importlib.import_module(f"bench.workloads.{module}")
    if options:
        await home.prepare(*options)
    processor = getattr(home, "processor_ns", time.process_time_ns)
    say(await clock.time_workload(getattr(home, workload), float(seconds), processor))


async def run(module: str, function: str) -> None:
    """Answer with what a function finds out."""
    say(await getattr(importlib.import_module(f"bench.workloads.{module}"), function)())


COMMANDS = {"probe": inspect_loop, "serve": serve, "time": measure, "run": run}


def check_identity(contender: Contender) -> None:
    """Never measure one loop under the name of another."""
    owner = type(asyncio.get_running_loop()).__module__.partition(".")[0]
    if owner != (contender.upon or contender.module):
        raise RuntimeError(f"{contender.name}'s factory made a loop of the package {owner!r}")
    if contender.is_whole == asyncio.Queue.__module__.startswith("asyncio."):
        raise RuntimeError(f"{contender.name} was started with {asyncio.Queue.__module__} in the place of asyncio's")


async def main(contender: Contender, work: Coroutine[Any, Any, None]) -> None:
    check_identity(contender)
    asyncio.get_running_loop().set_exception_handler(give_up)
    try:
        await work
    except NotImplementedError as error:
        say({"unsupported": describe(error)})


if __name__ == "__main__":
    die_with_parent()
    _, command, name, *rest = sys.argv
    chosen = by_name(name)
    arguments = [chosen] if command == "probe" else rest
    with asyncio.Runner(loop_factory=chosen.loop_factory()) as runner:
        runner.run(main(chosen, COMMANDS[command](*arguments)))
