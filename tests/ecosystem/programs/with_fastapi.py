"""FastAPI: dependencies, validation, sync and async endpoints, background tasks, streams, WebSockets; on uvicorn."""

import asyncio
import contextlib
import threading
from typing import Annotated

import httpx
import uvicorn
import websockets
from fastapi import BackgroundTasks, Depends, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from support import LARGE, LOOPBACK, listening, run, slowly

notes = []


class Order(BaseModel):
    flower: str
    quantity: int


@contextlib.asynccontextmanager
async def lifespan(app):
    notes.append("started")
    yield
    notes.append("stopped")


app = FastAPI(lifespan=lifespan)


async def connection():
    notes.append("opened")
    try:
        await asyncio.sleep(0)
        yield "connection"
    finally:
        notes.append("closed")


def price(flower: str = "tulip"):
    return len(flower)


@app.post("/orders")
async def order(
    order: Order, background: BackgroundTasks, name: Annotated[str, Depends(connection)],
    cents: Annotated[int, Depends(price)],
):
    background.add_task(notes.append, f"ordered {order.flower}")
    return {"name": name, "cents": cents * order.quantity}


@app.get("/thread")
def in_a_thread():
    return {"main": threading.current_thread() is threading.main_thread()}


@app.get("/download")
async def download():
    return StreamingResponse(slowly(LARGE))


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept()
    async for message in websocket.iter_json():
        await websocket.send_json({"echo": message})


async def check(client):
    answer = await client.post("/orders", json={"flower": "lily", "quantity": 3})
    assert answer.json() == {"name": "connection", "cents": 15}
    assert (await client.post("/orders", json={"flower": "lily", "quantity": "many"})).status_code == 422
    asking = [client.get("/thread") for _ in range(20)]
    assert [answer.json() for answer in await asyncio.gather(*asking)] == [{"main": False}] * 20
    assert (await client.get("/download")).content == LARGE


async def without_a_server():
    notes.clear()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        await check(client)
    assert notes[:3] in (["opened", "ordered lily", "closed"], ["opened", "closed", "ordered lily"])


async def on_uvicorn():
    notes.clear()
    listener, port = listening()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="websockets-sansio"))
    with listener:
        serve = asyncio.create_task(server.serve(sockets=[listener]))
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as client:
            await check(client)  # the socket listens already
        async with websockets.connect(f"ws://{LOOPBACK}:{port}/echo", proxy=None) as socket:
            for number in range(20):
                await socket.send(f'{{"number": {number}}}')
                assert await socket.recv() == f'{{"echo":{{"number":{number}}}}}'
        server.should_exit = True
        await serve
    assert (notes[0], notes[-1]) == ("started", "stopped")


if __name__ == "__main__":
    run(without_a_server, on_uvicorn, libraries=("fastapi", "starlette", "uvicorn"))
