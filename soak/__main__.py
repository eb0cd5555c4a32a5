"""Runs all workloads at once on a loop with faults; see --help."""

import argparse
import asyncio
import concurrent.futures
import sys
import time

from soak import gauges
from soak.workloads import EXPECTED, WORKLOADS

PATIENCE = 60.0  # seconds, for one round
COLUMNS = ("memory", "blocks", "objects", "descriptors", "tasks", "timers", "watchers", "threads")


class Soak:
    """The workloads, what came of their rounds, and the samples taken between."""

    def __init__(self, options, faults):
        self.options = options
        self.faults = faults
        chosen = [kind for kind in WORKLOADS if not options.only or kind.__name__.lower() in options.only]
        self.workloads = [kind(options.seed + number) for number, kind in enumerate(chosen)]
        self.rounds = 0
        self.failed = 0
        self.samples = []
        self.complaints = []

    async def run(self):
        begun = time.monotonic()
        await asyncio.gather(*(workload.start() for workload in self.workloads))
        print(f"{', '.join(workload.name for workload in self.workloads)}: {self.options.seconds:g} s", flush=True)
        print("  seconds   rounds   failed   faults    MB moved  " + "".join(f"{name:>13}" for name in COLUMNS))
        while (elapsed := time.monotonic() - begun) < self.options.seconds and not self.complaints:
            await self.load(min(self.options.every, self.options.seconds - elapsed))
            self.sample(time.monotonic() - begun)
        await asyncio.gather(*(workload.stop() for workload in self.workloads))
        self.complaints += gauges.growth(self.samples)
        self.complaints += [f"{workload.name}: not one byte came back" for workload in self.workloads
                            if not workload.moved and workload.name not in ("tasks", "threads", "loops")]

    async def load(self, seconds):
        """All workloads for so long, then until the last of their rounds is over."""
        end = time.monotonic() + seconds
        await asyncio.gather(*(self.work(workload, end)
                               for workload in self.workloads for _ in range(workload.at_once)))
        # Peers that were served end a little later than their clients.
        deadline = time.monotonic() + PATIENCE
        while len(asyncio.all_tasks()) > 1 and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    async def work(self, workload, end):
        while time.monotonic() < end and not self.complaints:
            try:
                async with asyncio.timeout(PATIENCE):
                    await workload.round()
            except TimeoutError as exc:
                if exc.errno is None:  # not the kernel's ETIMEDOUT
                    self.complaints.append(f"{workload.name}: a round hangs: not over after {PATIENCE:g} s")
                self.failed += 1
            except EXPECTED:
                self.failed += 1
            except Exception as exc:
                self.complaints.append(f"{workload.name}: {type(exc).__name__}: {exc}")
            self.rounds += 1

    def sample(self, seconds):
        sample = gauges.measure(asyncio.get_running_loop(), seconds)
        self.samples.append(sample)
        if len(self.samples) > 3:
            # They would be what grows.
            self.samples[-2].types.clear()
        moved = sum(workload.moved for workload in self.workloads) / 1e6
        counts = self.faults.counts if self.faults else {}
        injected = sum(count for kind, count in counts.items() if kind != "calls")
        figures = [f"{sample.memory / 1e6:.1f} MB", *(f"{getattr(sample, name):,}" for name in COLUMNS[1:])]
        print(f"{seconds:9.0f}{self.rounds:9,}{self.failed:9,}{injected:9,}{moved:12,.1f}  "
              + "".join(f"{figure:>13}" for figure in figures), flush=True)

    def complain(self, loop, context):
        """The loop's exception handler: nobody caught it, so something is wrong.

        Only of a pipe's reading end does asyncio report what the kernel says too, beside connection_lost().
        """
        if isinstance(context.get("transport"), asyncio.ReadTransport) and "(injected)" in str(context["exception"]):
            return
        self.complaints.append(f"reported: {context.get('message')}: {context.get('exception')!r}")


def make_loop(options):
    """The loop to soak, and the Faults of its endpoints, None for the standard loop."""
    if options.standard:
        return asyncio.SelectorEventLoop(), None
    import tulipa
    from tulipa.testing import Faults, FaultyDriver

    faults = Faults(options.seed, short=options.short, not_now=options.not_now, error=options.error)
    return tulipa.EventLoop(FaultyDriver(options.driver, seed=options.seed), wrap_endpoint=faults), faults


def arguments():
    names = ", ".join(kind.__name__.lower() for kind in WORKLOADS)
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long (default: ten minutes)")
    parser.add_argument("--every", type=float, default=10, help="seconds between two measurements")
    parser.add_argument("--seed", type=int, default=1, help="of all chance")
    parser.add_argument("--driver", default=None, help="epoll or selectors (default: the platform's best)")
    parser.add_argument("--only", nargs="*", help=f"only these: {names}")
    parser.add_argument("--short", type=float, default=0.1, help="share of reads and writes that are cut short")
    parser.add_argument("--not-now", type=float, default=0.1, help="share of reads and writes that are refused")
    parser.add_argument("--error", type=float, default=0.001, help="share of reads and writes that fail for good")
    parser.add_argument("--standard", action="store_true", help="the standard loop, without faults, to compare with")
    return parser.parse_args()


def main():
    options = arguments()
    options.every = min(options.every, options.seconds / 8)
    before = sorted(gauges.descriptors())
    loop, faults = make_loop(options)
    soak = Soak(options, faults)
    loop.set_exception_handler(soak.complain)
    # Few workers, so that all of them are there soon, and stay.
    loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(2))
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(soak.run())
    left = len(gauges.descriptors()) - len(before)
    if left:
        soak.complaints.append(f"descriptors: {left} more after the loop was closed: {sorted(gauges.descriptors())}")
    for complaint in soak.complaints:
        print(f"soak: FAILED: {complaint}")
    if not soak.complaints:
        print(f"soak: passed: {soak.rounds:,} rounds, and nothing grew")
    return 1 if soak.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
