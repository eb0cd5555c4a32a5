"""What programs are written with: groups, timeouts, locks, queues, runners. Plain Python over any asyncio loop."""
