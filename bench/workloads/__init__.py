"""What is timed inside one process: ``async def workload(count) -> done`` (see bench.clock)."""
