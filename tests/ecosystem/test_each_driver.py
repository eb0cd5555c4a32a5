"""Libraries and programs that know nothing of tulipa work on its loop as they do on the standard one."""

import asyncio
import contextlib
import http.client
import re
import signal
import sys
import unittest

import pytest
from helpers.accounting import open_descriptors
from helpers.cases import tulipa
from helpers.processes import PATIENCE, Child
from helpers.running import on_loop
from helpers.tls import client_context, server_context

LARGE = bytes(range(256)) * 16 * 1024  # 4 MiB: more than the buffers of a connection hold


@pytest.fixture
def web():
    return pytest.importorskip("aiohttp.web", reason="aiohttp isn't installed")


@pytest.fixture
def client():
    return pytest.importorskip("aiohttp", reason="aiohttp isn't installed")


# -- aiohttp, server and client on one loop ------------------------------------------------------------------


@contextlib.asynccontextmanager
async def serving(web, *routes, path=None, ssl_context=None, **options):
    """Serve the routes, on TCP or at the path of a UNIX socket; gives the server's address."""
    app = web.Application(client_max_size=2 * len(LARGE))
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    try:
        site = web.UnixSite(runner, path) if path else web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl_context)
        await site.start()
        yield runner.addresses[0]
    finally:
        await runner.cleanup()


def session(client, address):
    """A client's session with the server at that address."""
    if isinstance(address, str):
        return client.ClientSession("http://unix.test", connector=client.UnixConnector(path=address))
    host, port = address
    return client.ClientSession(f"http://{host}:{port}")


async def pieces(size=100_000):
    """The large body, in pieces that come one after another."""
    for start in range(0, len(LARGE), size):
        yield LARGE[start : start + size]
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@on_loop
async def test_aiohttp_requests(loop, web, client, kind, tmp_path):
    transports = set()

    async def answer(request):
        transports.add(type(request.transport).__module__.partition(".")[0])
        return web.json_response({"number": request.match_info["number"], "body": await request.text()})

    route = web.post("/{number}", answer)
    async with serving(web, route, path=kind == "unix" and str(tmp_path / "socket")) as address:
        async with session(client, address) as requests:

            async def ask(number):
                async with requests.post(f"/{number}", data=f"body {number}") as response:
                    return await response.json()

            answers = await asyncio.gather(*map(ask, range(50)))
    assert answers == [{"number": str(n), "body": f"body {n}"} for n in range(50)]
    assert transports == {type(loop).__module__.partition(".")[0]}


@on_loop
async def test_aiohttp_large_bodies_both_ways(loop, web, client):
    async def upload(request):
        return web.Response(text=str(await request.read() == LARGE))

    async def download(request):
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in pieces():
            await response.write(piece)
        return response

    routes = web.put("/", upload), web.get("/", download)
    async with serving(web, *routes) as address, session(client, address) as requests:
        async with requests.put("/", data=pieces()) as response:
            assert await response.text() == "True"
        async with requests.get("/") as response:
            assert await response.read() == LARGE


@on_loop
async def test_aiohttp_websocket(loop, web, client):
    closed = loop.create_future()

    async def echo(request):
        socket = web.WebSocketResponse(max_msg_size=2 * len(LARGE))
        await socket.prepare(request)
        async for message in socket:
            await (socket.send_str if message.type is client.WSMsgType.TEXT else socket.send_bytes)(message.data)
        closed.set_result(socket.close_code)
        return socket

    async with serving(web, web.get("/", echo)) as address, session(client, address) as requests:
        async with requests.ws_connect("/", max_msg_size=2 * len(LARGE)) as socket:
            for number in range(20):
                await socket.send_str(f"tulip {number}")
                assert await socket.receive_str() == f"tulip {number}"
            await socket.send_bytes(LARGE)
            assert await socket.receive_bytes() == LARGE
            await socket.close(code=4000)
        assert await closed == 4000


@pytest.mark.parametrize("why", ["cancelled", "timeout"])
@on_loop
async def test_aiohttp_request_given_up_ends_its_handler(loop, web, client, why):
    entered, left = asyncio.Event(), asyncio.Event()

    async def wait(request):
        entered.set()
        try:
            await loop.create_future()
        finally:
            left.set()

    route = web.get("/", wait)
    async with serving(web, route, handler_cancellation=True) as address, session(client, address) as requests:
        limit = client.ClientTimeout(total=0.05 if why == "timeout" else None)
        asking = asyncio.ensure_future(requests.get("/", timeout=limit))
        if why == "cancelled":
            await entered.wait()
            asking.cancel()
        with pytest.raises(asyncio.CancelledError if why == "cancelled" else TimeoutError):
            await asking
        if entered.is_set():  # the time may be over before the request has come so far
            await left.wait()


@on_loop
async def test_aiohttp_over_tls(loop, web, client):
    async def take(request):
        assert request.secure
        received = bytearray()
        async for piece in request.content.iter_any():
            received += piece
        return web.Response(body=bytes(received))

    async def echo(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket

    routes = web.post("/", take), web.get("/socket", echo)
    connector = client.TCPConnector(ssl=client_context())
    async with serving(web, *routes, ssl_context=server_context()) as (_, port):
        async with client.ClientSession(f"https://localhost:{port}", connector=connector) as user:
            async with user.post("/", data=pieces()) as response:
                assert await response.read() == LARGE
            async with user.ws_connect("/socket") as socket:
                for size in (1, 1000, 100_000):
                    await socket.send_bytes(LARGE[:size])
                    assert await socket.receive_bytes() == LARGE[:size]


# -- servers in a process of their own: started, asked, stopped by a signal ----------------------------------

# Both applications answer with the loop at once, and with the request's body once the server is stopping:
# uvicorn's gets the rest of the body only then; aiohttp's waits, as aiohttp takes nothing more in while it stops.
AIOHTTP = """
import asyncio, socket
from aiohttp import web

def describe(loop):
    return f"{type(loop).__module__}.{type(loop).__qualname__} {getattr(loop, 'driver_name', None)}"

async def answer(request):
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(describe(asyncio.get_running_loop()).encode() + b"\\n")
    await request.app[STOPPING].wait()
    await response.write(await request.read())
    return response

async def tell(app):
    print("Shutting down", flush=True)
    app[STOPPING].set()

STOPPING = web.AppKey("stopping", asyncio.Event)

app = web.Application()
app[STOPPING] = asyncio.Event()
app.router.add_post("/", answer)
app.on_shutdown.append(tell)
listener = socket.create_server(("127.0.0.1", 0))
print("running on port", listener.getsockname()[1], flush=True)
loop = (LOOP)()
web.run_app(app, sock=listener, loop=loop, print=None, access_log=None)
print("closed" if loop.is_closed() else "still open")
"""

ASGI = """
import asyncio

def describe(loop):
    return f"{type(loop).__module__}.{type(loop).__qualname__} {getattr(loop, 'driver_name', None)}"

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": describe(asyncio.get_running_loop()).encode() + b"\\n",
                "more_body": True})
    more = True
    while more:
        event = await receive()
        more = event["more_body"]
        await send({"type": "http.response.body", "body": event["body"], "more_body": more})
"""

# As `python -m uvicorn`, with the log on standard output.
UVICORN = """
import os, runpy
os.dup2(1, 2)
runpy.run_module("uvicorn", run_name="__main__", alter_sys=True)
"""


def described(loop_factory):
    """What the applications say of a loop of this kind."""
    loop = loop_factory()
    try:
        return f"{type(loop).__module__}.{type(loop).__qualname__} {loop_factory.driver}"
    finally:
        loop.close()


def line_with(child, pattern):
    """Read the child's output as far as a line in which the pattern is; returns the match."""
    seen = []
    while line := child.line():
        seen.append(line)
        if match := re.search(pattern, line):
            return match
    pytest.fail(f"the child ended without {pattern!r} in its output: {seen}, {child.finish()}")


def stop_amid_request(child, number, early, late=b""):
    """Ask the server, stop it while it answers; returns the answer and how the server ended.

    ``late`` is the part of the request's body that is sent once the server is stopping.
    """
    port = int(line_with(child, r"running on (?:http://127\.0\.0\.1:|port )(\d+)").group(1))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", str(len(early + late)))
        connection.endheaders(early)
        response = connection.getresponse()
        loop = response.readline().decode().strip()
        child.send_signal(number)
        line_with(child, "Shutting down")
        connection.send(late)
        body = response.read()
        return loop, body, child.finish()


STOPS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)


@STOPS
def test_aiohttp_run_app(loop_factory, web, number):
    with Child(AIOHTTP.replace("LOOP", loop_factory.expression), options=["-W", "error"]) as child:
        loop, body, ended = stop_amid_request(child, number, b"begun end")
    assert loop == described(loop_factory)
    assert body == b"begun end"
    assert ended == (0, "closed\n", "")


@STOPS
def test_uvicorn_with_loop_option(loop_factory, number, tmp_path):
    pytest.importorskip("uvicorn", "0.36", reason="uvicorn 0.36 or later, with --loop module:factory, isn't installed")
    (tmp_path / "application.py").write_text(ASGI)
    factory = "asyncio:SelectorEventLoop" if loop_factory.is_std else "tulipa:new_event_loop"
    driver = {} if loop_factory.is_std else {"TULIPA_DRIVER": loop_factory.driver}
    arguments = ["--app-dir", str(tmp_path), "--port", "0", "--loop", factory, "--lifespan", "off", "--ws", "none"]
    with Child(UVICORN, *arguments, "application:app", options=["-W", "error"], **driver) as child:
        loop, body, (status, output, _) = stop_amid_request(child, number, b"begun", b" end")
    assert loop == described(loop_factory)
    assert body == b"begun end"
    assert "Finished server process" in output
    assert "Traceback" not in output and "Exception ignored" not in output
    # Once it has stopped in good order, uvicorn lets a SIGTERM have its usual effect.
    assert status == (-signal.SIGTERM if number == signal.SIGTERM else 0)


# -- unittest ------------------------------------------------------------------------------------------------


def run_case(**attributes):
    """Run an IsolatedAsyncioTestCase with those attributes; returns the loops that its steps ran on."""
    loops = []

    class Case(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            loops.append(asyncio.get_running_loop())
            self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            self.addAsyncCleanup(self.clean_up)

        async def serve(self, reader, writer):
            writer.write(await reader.readline())
            writer.close()
            await writer.wait_closed()

        async def test(self):
            loops.append(asyncio.get_running_loop())
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection(*self.server.sockets[0].getsockname())
                writer.write(b"tulip\n")
                self.assertEqual(await reader.read(), b"tulip\n")
                writer.close()
                await writer.wait_closed()

        async def clean_up(self):
            loops.append(asyncio.get_running_loop())
            self.server.close()
            await self.server.wait_closed()

    for name, value in attributes.items():
        setattr(Case, name, value)
    before, result = open_descriptors(), unittest.TestResult()
    Case("test").run(result)
    assert result.testsRun == 1
    assert result.errors + result.failures + result.skipped == []
    assert len(open_descriptors()) == len(before)
    assert len(loops) == 3 and len(set(loops)) == 1 and loops[0].is_closed()
    return loops[0]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="IsolatedAsyncioTestCase.loop_factory came with Python 3.13")
def test_isolated_test_case_with_loop_factory(loop_factory):
    loop = run_case(loop_factory=staticmethod(loop_factory))
    assert type(loop) is (asyncio.SelectorEventLoop if loop_factory.is_std else tulipa.EventLoop)
    assert getattr(loop, "driver_name", None) == loop_factory.driver


@pytest.mark.tulipa_only
@pytest.mark.skipif(sys.version_info >= (3, 16), reason="Python 3.16 has no event loop policies")
def test_isolated_test_case_with_installed_policy(loop_factory, monkeypatch):
    monkeypatch.setenv("TULIPA_DRIVER", loop_factory.driver)
    tulipa.install()
    try:
        loop = run_case()
    finally:
        tulipa.uninstall()
    assert type(loop) is tulipa.EventLoop
    assert loop.driver_name == loop_factory.driver
