"""The command ``python -m demo``."""

import argparse
import multiprocessing
import os
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any

from rich.console import Console

from demo import load
from demo.exchange import Mismatch
from demo.report import Reporter, Results, comparison, notes, rate
from demo.server import STANDARD, TULIPA, Server, ServerFailed
from demo.shop import APPLICATION
from demo.workloads import workloads

ARCHIVE_MEBIBYTES = 64
ROUNDS, SECONDS = 3, 63.0
QUICK_ROUNDS, QUICK_SECONDS = 1, 7.0


class WrongReply(Exception):
    """A server's reply isn't the expected one; the message names the server, the request, the difference."""


def main() -> int:
    options = parse_arguments()
    console = Console(highlight=False)
    try:
        compare(console, options.rounds, options.seconds)
    except (WrongReply, ServerFailed) as failure:
        console.print("demo failed:", style="bold red")
        console.print(str(failure), markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Serve examples/app.py on the standard loop and on tulipa, put both under the same load, "
        "verify every reply byte for byte, and compare.",
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help=f"measuring time in all (default {SECONDS:.0f})"
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"one short round of each: {QUICK_SECONDS:.0f} s, rough numbers"
    )
    options = parser.parse_args()
    options.rounds = QUICK_ROUNDS if options.quick else ROUNDS
    if options.seconds is None:
        options.seconds = QUICK_SECONDS if options.quick else SECONDS
    if not 1 <= options.seconds <= 3600:
        parser.error("--seconds must be from 1 to 3600")
    return options


def compare(console: Console, rounds: int, seconds: float) -> None:
    """Start both servers, verify, measure in turns, print the table; raise at the first thing wrong."""
    server_cpu, load_cpu = choose_cpus()
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                Server(contender, APPLICATION, "--archive-mib", str(ARCHIVE_MEBIBYTES), cpu=server_cpu)
            )
            for contender in (STANDARD, TULIPA)
        ]
        introduce(console, servers, server_cpu, load_cpu)
        pool = stack.enter_context(
            ProcessPoolExecutor(
                1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=load.prepare,
                initargs=(load_cpu, ARCHIVE_MEBIBYTES),
            )
        )
        jobs = workloads(ARCHIVE_MEBIBYTES)
        slice_seconds = seconds / (rounds * len(jobs) * len(servers))
        reporter = Reporter(console)
        with reporter.steps(len(servers) * (1 + rounds * len(jobs))):
            verified = verify(pool, servers, reporter)
            results = measure(pool, servers, rounds, slice_seconds, reporter)
    rows = [(job.title, *(results[name, server] for server in servers)) for name, job in jobs.items()]
    verified += sum(result.requests for result in results.values())
    console.print(comparison(rows))
    for note in notes(rows, verified, ARCHIVE_MEBIBYTES):
        console.print(note)


def choose_cpus() -> tuple[int | None, int | None]:
    """One CPU for the servers, which take turns, another for the load; None where that can't be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


def introduce(console: Console, servers: list[Server], server_cpu: int | None, load_cpu: int | None) -> None:
    tulipa = subprocess.run(
        [sys.executable, "-m", "tulipa", "--version"], capture_output=True, text=True, check=False
    )
    console.print(tulipa.stdout.strip(), markup=False)
    console.print(
        f"{platform.python_implementation()} {platform.python_version()}, aiohttp {version('aiohttp')}; "
        "the same unmodified application on both loops:"
    )
    for server in servers:
        command = " ".join(["python", *server.contender.options, "examples/app.py"])
        console.print(f"  {command:34}{server.contender.package}'s {server.event_loop.rpartition('.')[2]}")
    if server_cpu is None:
        console.print("servers and load share their CPUs: expect noise\n")
    else:
        console.print(f"servers on CPU {server_cpu}, in turns; load on CPU {load_cpu}\n")


def verify(pool: ProcessPoolExecutor, servers: list[Server], reporter: Reporter) -> int:
    verified = 0
    for server in servers:
        what = f"verifying each route on {server.contender.name}"
        reporter.begin(what)
        count = ask(pool, server, load.verify, server.address, ARCHIVE_MEBIBYTES)
        reporter.finish(what, f"{count} replies, byte for byte")
        verified += count
    return verified


def measure(
    pool: ProcessPoolExecutor, servers: list[Server], rounds: int, seconds: float, reporter: Reporter
) -> dict[tuple[str, Server], Results]:
    measured = defaultdict(list)
    for number in range(rounds):
        for name, job in workloads(ARCHIVE_MEBIBYTES).items():
            for server in servers if number % 2 == 0 else servers[::-1]:
                what = f"round {number + 1} of {rounds}: {job.title} on {server.contender.name}"
                reporter.begin(what)
                one = ask(
                    pool, server, load.measure, name, server.address, server.pid, seconds, ARCHIVE_MEBIBYTES
                )
                reporter.finish(what, f"{rate(one.requests / one.seconds)} requests/s")
                measured[name, server].append(one)
    return {key: Results(rounds_of_one) for key, rounds_of_one in measured.items()}


def ask(pool: ProcessPoolExecutor, server: Server, job: Callable[..., Any], *arguments: Any) -> Any:
    """Have the load generator do ``job`` to ``server``; tell whose fault it is if that fails."""
    try:
        return pool.submit(job, *arguments).result()
    except Mismatch as mismatch:
        errors = server.errors()
        report = f"\nits standard error:\n{errors}" if errors else ""
        name = server.contender.name
        raise WrongReply(f"wrong reply of the server on {name} to {mismatch}{report}") from None
    except OSError as error:
        raise server.failed(f"can't connect: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
