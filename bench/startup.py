"""Times the start of a loop in a fresh process: importing its package, then making and closing the first loop.

    python -I startup.py MODULE FACTORY [UPON | --install]

It is run as a file, not as a part of the package, so that nothing else is imported before. UPON is the package whose
factory FACTORY changes; with --install, FACTORY's package replaces asyncio. Prints the times in nanoseconds as JSON.
"""

import sys
import time


def main(module, factory, more=None):
    before = time.perf_counter_ns(), time.process_time_ns()
    package = __import__(module)
    if more == "--install":
        package.install()
        import asyncio  # noqa: F401
    make = getattr(package, factory)
    if more not in (None, "--install"):
        make = make(__import__(more).new_event_loop)
    imported = time.perf_counter_ns(), time.process_time_ns()
    make().close()
    closed = time.perf_counter_ns(), time.process_time_ns()
    print('{"import_wall_ns": %d, "import_cpu_ns": %d, "loop_wall_ns": %d, "loop_cpu_ns": %d}' % (
        imported[0] - before[0], imported[1] - before[1], closed[0] - imported[0], closed[1] - imported[1]))


main(*sys.argv[1:])
