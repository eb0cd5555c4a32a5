"""The scheduler: handles, timers, the ready queue, futures, tasks, contexts and the one ``run_once``.

Knows the driver contract; never a socket, a descriptor or a system call.
"""
