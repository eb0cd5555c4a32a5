"""Servers, one style a module: ``async def start(*options) -> port`` begins to serve on a free loopback port.

Clients send one message at a time and wait for its echo, so no server needs a limit on what it buffers.
"""

HOST = "127.0.0.1"
BACKLOG = 1024
READ_SIZE = 65536
