"""uvicorn serves a starlette application: lifespan, bodies, WebSockets, TLS, give-up, graceful shut-down, threads."""

import asyncio
import contextlib

import httpx
import trustme
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from support import LARGE, LOOPBACK, cancelled_after, listening, run, slowly

HTTP = ("h11", "httptools")
WEBSOCKETS = ("websockets-sansio", "wsproto")


class Shop:
    """The application, and what it noted."""

    def __init__(self):
        self.notes = []
        self.stopping = asyncio.Event()
        self.entered, self.gone = asyncio.Event(), asyncio.Event()
        routes = [
            Route("/square", self.square, methods=["POST"]),
            Route("/thread", self.in_a_thread),
            Route("/upload", self.upload, methods=["PUT"]),
            Route("/download", self.download),
            Route("/patient", self.patient),
            Route("/endless", self.endless),
            WebSocketRoute("/echo", self.echo),
        ]
        self.app = Starlette(routes=routes, lifespan=self.lifespan)

    @contextlib.asynccontextmanager
    async def lifespan(self, app):
        self.notes.append("started")
        yield {"answer": 42}
        self.notes.append("stopped")

    async def square(self, request):
        number = (await request.json())["number"]
        noting = BackgroundTask(self.notes.append, number)
        return JSONResponse({"square": number**2, "state": request.state.answer}, background=noting)

    def in_a_thread(self, request):
        return PlainTextResponse("from a thread")

    async def upload(self, request):
        received = b"".join([piece async for piece in request.stream()])
        return PlainTextResponse(str(received == LARGE))

    async def download(self, request):
        return StreamingResponse(slowly(LARGE))

    async def patient(self, request):
        async def parts():
            yield "begun"
            await self.stopping.wait()
            yield ", ended"

        return StreamingResponse(parts())

    async def endless(self, request):
        async def parts():
            self.entered.set()
            try:
                while True:
                    yield LARGE
                    await asyncio.sleep(0)  # sending to nobody does not wait: only here the end is noticed
            finally:
                self.gone.set()

        return StreamingResponse(parts())

    async def echo(self, websocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            if text == "bytes":
                await websocket.send_bytes(LARGE[:500_000])
            else:
                await websocket.send_text(text.upper())


@contextlib.asynccontextmanager
async def serving(shop, http="h11", ws="none", **options):
    """The server, started, and its port; it is stopped in good order at the end."""
    listener, port = listening()
    config = uvicorn.Config(shop.app, http=http, ws=ws, log_config=None, timeout_graceful_shutdown=30, **options)
    server = uvicorn.Server(config)
    with listener:
        serve = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            assert not serve.done(), serve
            await asyncio.sleep(0.001)
        try:
            yield server, port
        finally:
            server.should_exit = True
            await serve
    assert shop.notes[0] == "started" and shop.notes[-1] == "stopped"


def client_of(port, scheme="http", verify=True):
    return httpx.AsyncClient(base_url=f"{scheme}://localhost:{port}", verify=verify, trust_env=False)


async def requests():
    for http in HTTP:
        shop = Shop()
        async with serving(shop, http) as (_, port), client_of(port) as client:
            asking = [client.post("/square", json={"number": number}) for number in range(50)]
            answers = [response.json() for response in await asyncio.gather(*asking)]
            assert answers == [{"square": number**2, "state": 42} for number in range(50)]
            assert (await client.get("/thread")).text == "from a thread"
            assert (await client.get("/nowhere")).status_code == 404
        assert sorted(shop.notes[1:-1]) == list(range(50))  # the background tasks


async def exchange_large_bodies(client):
    assert (await client.put("/upload", content=slowly(LARGE))).text == "True"
    async with client.stream("GET", "/download") as response:
        assert b"".join([piece async for piece in response.aiter_bytes()]) == LARGE


async def streams():
    for http in HTTP:
        async with serving(Shop(), http) as (_, port), client_of(port) as client:
            await exchange_large_bodies(client)


async def streams_over_tls():
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", LOOPBACK)
    trusting = httpx.create_ssl_context()
    authority.configure_trust(trusting)
    with certificate.private_key_and_cert_chain_pem.tempfile() as path:
        options = {"ssl_certfile": path, "ssl_keyfile": path}
        async with serving(Shop(), **options) as (_, port), client_of(port, "https", trusting) as client:
            await exchange_large_bodies(client)


async def websocket():
    for ws in WEBSOCKETS:
        async with serving(Shop(), ws=ws) as (_, port):
            async with websockets.connect(f"ws://{LOOPBACK}:{port}/echo", max_size=None, proxy=None) as socket:
                for number in range(20):
                    await socket.send(f"tulip {number}")
                    assert await socket.recv() == f"TULIP {number}"
                await socket.send("bytes")
                assert await socket.recv() == LARGE[:500_000]


async def client_gives_up():
    """The handler of a client that goes away while it is being sent to ends; so does one that is cancelled."""
    for http in HTTP:
        shop = Shop()
        async with serving(shop, http) as (_, port), client_of(port) as client:
            async with client.stream("GET", "/endless") as response:
                async for _ in response.aiter_bytes():
                    break
            await shop.gone.wait()
            shop.entered.clear()
            async with cancelled_after(asyncio.create_task(client.get("/endless"))):
                await shop.entered.wait()


async def refused(client):
    """Ask until the server has noticed that it is to stop; one that it accepts just before gets no answer."""
    while True:
        try:
            await client.get("/square")
        except httpx.ConnectError:
            return
        except (httpx.ReadError, httpx.RemoteProtocolError):
            pass


async def graceful_shutdown():
    """An answer that has begun is finished, then the lifespan ends; new connections are refused."""
    for http in HTTP:
        shop = Shop()
        async with serving(shop, http) as (server, port), client_of(port) as client:
            async with client.stream("GET", "/patient") as response:
                parts = response.aiter_text()
                assert await anext(parts) == "begun"
                server.should_exit = True
                async with client_of(port) as another:
                    await refused(another)
                shop.stopping.set()
                assert "".join([part async for part in parts]) == ", ended"


if __name__ == "__main__":
    run(requests, streams, streams_over_tls, websocket, client_gives_up, graceful_shutdown,
        libraries=("uvicorn", "starlette", "httpx"))
