"""A hello by a bare ASGI application under uvicorn, with httptools as its parser."""

import asyncio

import uvicorn

from . import BACKLOG, HOST

BODY = b"Hello, world!"
HEADERS = [(b"content-type", b"text/plain"), (b"content-length", str(len(BODY)).encode())]


serving: asyncio.Task | None = None                # loops hold tasks weakly


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


async def start() -> int:
    global serving
    config = uvicorn.Config(hello, host=HOST, port=0, backlog=BACKLOG, http="httptools", ws="none", lifespan="off",
                            log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.wait([serving], timeout=0.01)
        if serving.done():
            await serving
    return server.servers[0].sockets[0].getsockname()[1]
