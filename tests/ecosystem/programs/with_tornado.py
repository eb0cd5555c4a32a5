"""tornado: HTTP server and client, WebSockets, TCP streams, TLS, periodic callbacks, old coroutines, graceful stop."""

import asyncio
import contextlib
import datetime

from support import LARGE, LOOPBACK, cancelled_after, pieces_of, run, tls_contexts
from tornado import (
    gen,
    httpclient,
    httpserver,
    ioloop,
    iostream,
    locks,
    netutil,
    queues,
    tcpclient,
    tcpserver,
    web,
    websocket,
)


class Square(web.RequestHandler):
    async def post(self):
        await asyncio.sleep(0)
        self.write({"square": int(self.get_argument("number")) ** 2})


class Old(web.RequestHandler):
    @gen.coroutine
    def get(self):
        yield gen.sleep(0.001)
        self.write((yield gen.multi({"a": soon("A"), "b": soon("B")})))


@gen.coroutine
def soon(value):
    yield gen.moment
    raise gen.Return(value)


@web.stream_request_body
class Upload(web.RequestHandler):
    def initialize(self):
        self.received = bytearray()

    async def data_received(self, chunk):
        self.received += chunk
        await asyncio.sleep(0)

    def put(self):
        self.write(str(self.received == LARGE))


class Download(web.RequestHandler):
    async def get(self):
        for piece in pieces_of(LARGE):
            self.write(piece)
            await self.flush()


class Never(web.RequestHandler):
    entered = gone = None

    async def get(self):
        Never.entered.set()
        await Never.gone.wait()

    def on_connection_close(self):
        Never.gone.set()


class Echo(websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message, binary=isinstance(message, bytes))


ROUTES = [("/square", Square), ("/old", Old), ("/upload", Upload), ("/download", Download), ("/never", Never),
          ("/echo", Echo)]


@contextlib.asynccontextmanager
async def serving(tls=None):
    """The server's address and a client."""
    limit = 2 * len(LARGE)
    app = web.Application(ROUTES, websocket_max_message_size=limit, log_function=lambda handler: None)
    server = httpserver.HTTPServer(app, ssl_options=tls and tls[0], max_body_size=limit)
    [listener] = netutil.bind_sockets(0, LOOPBACK)
    server.add_socket(listener)
    client = httpclient.AsyncHTTPClient(force_instance=True, max_body_size=limit, max_clients=100)
    try:
        yield f"{LOOPBACK if not tls else 'localhost'}:{listener.getsockname()[1]}", client
    finally:
        client.close()
        server.stop()
        await server.close_all_connections()


async def requests():
    async with serving() as (address, client):
        asking = [client.fetch(f"http://{address}/square", method="POST", body=f"number={n}") for n in range(50)]
        answers = [answer.body for answer in await asyncio.gather(*asking)]
        assert answers == [b'{"square": %d}' % n**2 for n in range(50)]
        assert (await client.fetch(f"http://{address}/old")).body == b'{"a": "A", "b": "B"}'
        answer = await client.fetch(f"http://{address}/nowhere", raise_error=False)
        assert answer.code == 404


async def streams(tls=None):
    async with serving(tls) as (address, client):
        url = f"{'https' if tls else 'http'}://{address}"

        async def produce(write):
            for piece in pieces_of(LARGE):
                await write(piece)

        options = {"ssl_options": tls[1]} if tls else {}
        answer = await client.fetch(
            f"{url}/upload", method="PUT", body_producer=produce, headers={"Content-Length": str(len(LARGE))}, **options
        )
        assert answer.body == b"True"
        received = bytearray()
        await client.fetch(f"{url}/download", streaming_callback=received.extend, **options)
        assert received == LARGE


async def streams_over_tls():
    await streams(tls_contexts())


async def websockets():
    async with serving() as (address, _):
        socket = await websocket.websocket_connect(f"ws://{address}/echo", max_message_size=2 * len(LARGE))
        for number in range(50):
            await socket.write_message(f"tulip {number}")
            assert await socket.read_message() == f"tulip {number}"
        await socket.write_message(LARGE, binary=True)
        assert await socket.read_message() == LARGE
        socket.close(4000)
        assert await socket.read_message() is None


async def giving_up():
    Never.entered, Never.gone = asyncio.Event(), asyncio.Event()
    async with serving() as (address, client):
        try:
            await client.fetch(f"http://{address}/never", request_timeout=0.05)
        except httpclient.HTTPError as error:
            assert error.code == 599
        if Never.entered.is_set():  # the time may be over before the request has come so far
            await Never.gone.wait()
        lock = locks.Lock()
        async with lock:
            try:
                await gen.with_timeout(datetime.timedelta(milliseconds=10), queues.Queue().get())
            except gen.TimeoutError:
                pass
            async with cancelled_after(asyncio.create_task(wait_for_lock(lock))):
                await asyncio.sleep(0)


async def wait_for_lock(lock):
    async with lock:
        pass


class Lines(tcpserver.TCPServer):
    async def handle_stream(self, stream, address):
        with contextlib.suppress(iostream.StreamClosedError):
            while True:
                await stream.write((await stream.read_until(b"\n")).upper())


async def tcp():
    server = Lines()
    [listener] = netutil.bind_sockets(0, LOOPBACK)
    server.add_socket(listener)
    stream = await tcpclient.TCPClient().connect(LOOPBACK, listener.getsockname()[1])
    for number in range(50):
        await stream.write(b"tulip %d\n" % number)
        assert await stream.read_until(b"\n") == b"TULIP %d\n" % number
    stream.close()
    server.stop()


async def loop_services():
    loop, calls = ioloop.IOLoop.current(), []
    assert loop.asyncio_loop is asyncio.get_running_loop()
    third = asyncio.Event()

    def tick():
        calls.append("tick")
        if len(calls) >= 3:
            third.set()

    periodic = ioloop.PeriodicCallback(tick, 1)
    periodic.start()
    await third.wait()
    periodic.stop()
    assert await loop.run_in_executor(None, sum, [20, 22]) == 42
    done = asyncio.Event()
    await asyncio.to_thread(loop.add_callback, done.set)
    await done.wait()
    timer = loop.call_later(0.001, calls.append, "never")
    loop.remove_timeout(timer)
    assert "never" not in calls


if __name__ == "__main__":
    run(requests, streams, streams_over_tls, websockets, giving_up, tcp, loop_services, libraries=("tornado",))
