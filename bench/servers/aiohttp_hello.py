"""A hello by aiohttp."""

from aiohttp import web

from . import BACKLOG, HOST


async def hello(request):
    return web.Response(text="Hello, world!")


async def start() -> int:
    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0, backlog=BACKLOG)
    await site.start()
    return runner.addresses[0][1]
