"""aiohttp: server and client, streams, WebSockets, TLS, time limits, cancellation, graceful shut-down."""

import asyncio
import contextlib
import io
import tempfile

import aiohttp
from aiohttp import web
from support import LARGE, LOOPBACK, cancelled_after, run, slowly, tls_contexts


@contextlib.asynccontextmanager
async def serving(*routes, tls=None, **options):
    """Serve the routes; gives a client's session with them."""
    app = web.Application(client_max_size=2 * len(LARGE))
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls and tls[0]).start()
        scheme, port = "https" if tls else "http", runner.addresses[0][1]
        connector = aiohttp.TCPConnector(ssl=tls[1] if tls else True)
        async with aiohttp.ClientSession(f"{scheme}://localhost:{port}", connector=connector) as session:
            yield session
    finally:
        await runner.cleanup()


async def requests():
    async def answer(request):
        return web.json_response({"number": int(request.match_info["number"]), **await request.json()})

    async with serving(web.post("/{number}", answer)) as session:

        async def ask(number):
            async with session.post(f"/{number}", json={"square": number**2}) as response:
                return await response.json()

        answers = await asyncio.gather(*map(ask, range(100)))
        assert answers == [{"number": n, "square": n * n} for n in range(100)]
        async with session.get("/no/where") as response:
            assert response.status == 404


async def upload(request):
    received = bytearray()
    async for piece in request.content.iter_any():
        received += piece
    assert received == LARGE
    return web.Response(body=bytes(received[:1000]))


async def download(request):
    response = web.StreamResponse()
    await response.prepare(request)
    async for piece in slowly(LARGE):
        await response.write(piece)
    return response


async def streams(tls=None):
    async with serving(web.put("/", upload), web.get("/", download), tls=tls) as session:
        async with session.put("/", data=slowly(LARGE)) as response:
            assert await response.read() == LARGE[:1000]
        async with session.get("/") as response:
            assert b"".join([piece async for piece in response.content.iter_chunked(70_000)]) == LARGE


async def streams_over_tls():
    await streams(tls_contexts())


def form():
    made = aiohttp.FormData({"text": "tulip"})
    made.add_field("file", io.BytesIO(LARGE), filename="large")
    return made


async def multipart_and_files():
    async def swap(request):
        parts = {}
        async for part in await request.multipart():
            parts[part.name] = bytes(await part.read())
        assert parts == {"text": b"tulip", "file": LARGE}
        return web.FileResponse(path)

    with tempfile.NamedTemporaryFile() as file:
        path = file.name
        file.write(LARGE)
        file.flush()
        async with serving(web.post("/", swap)) as session:
            async with session.post("/", data=form()) as response:
                assert await response.read() == LARGE
            async with session.post("/", data=form(), headers={"Range": "bytes=1000-1999"}) as response:
                assert (response.status, await response.read()) == (206, LARGE[1000:2000])


async def websocket():
    closed = asyncio.get_running_loop().create_future()

    async def talk(request):
        socket = web.WebSocketResponse(max_msg_size=2 * len(LARGE))
        await socket.prepare(request)
        async for message in socket:
            text = message.type is aiohttp.WSMsgType.TEXT
            await (socket.send_str if text else socket.send_bytes)(message.data)
        closed.set_result(socket.close_code)
        return socket

    async with serving(web.get("/", talk)) as session:
        async with session.ws_connect("/", max_msg_size=2 * len(LARGE), heartbeat=30) as socket:
            for number in range(50):
                await socket.send_str(f"tulip {number}")
                assert await socket.receive_str() == f"tulip {number}"
            await socket.send_bytes(LARGE)
            assert await socket.receive_bytes() == LARGE
            await socket.close(code=4000)
        assert await closed == 4000


async def giving_up():
    """A time limit and a cancellation end the request, and the handler with it."""
    entered, left = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def wait(request):
        entered.release()
        try:
            await asyncio.Event().wait()
        finally:
            left.release()

    async with serving(web.get("/", wait), handler_cancellation=True) as session:
        async with cancelled_after(asyncio.create_task(session.get("/"))):
            await entered.acquire()
        await left.acquire()
        try:
            await session.get("/", timeout=aiohttp.ClientTimeout(sock_read=0.2))
        except TimeoutError:
            await entered.acquire()
            await left.acquire()
        else:
            raise AssertionError("no TimeoutError")


async def graceful_shutdown():
    """An answer that has begun is finished; new connections are refused."""
    stopping = asyncio.Event()

    async def answer(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"begun")
        await stopping.wait()
        await response.write(b", ended")
        return response

    app = web.Application()
    app.add_routes([web.get("/", answer)])

    async def stop(app):
        stopping.set()

    app.on_shutdown.append(stop)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=30)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    url = f"http://{LOOPBACK}:{runner.addresses[0][1]}/"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert await response.content.readexactly(5) == b"begun"
            await runner.cleanup()
            assert await response.read() == b", ended"
        try:
            await session.get(url)
        except aiohttp.ClientConnectorError:
            pass
        else:
            raise AssertionError("a closed server took a connection")


if __name__ == "__main__":
    run(requests, streams, streams_over_tls, multipart_and_files, websocket, giving_up, graceful_shutdown,
        libraries=("aiohttp", "aiohappyeyeballs"))
