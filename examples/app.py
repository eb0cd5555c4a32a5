"""A flower shop over HTTP: an ordinary aiohttp application, on whatever event loop it is started.

    python examples/app.py --port 8080
    python -m tulipa examples/app.py --port 8080

GET  /flowers?colour=red&limit=20   the catalogue, or a part of it
GET  /flowers/{id}                  one flower
GET  /flowers/{id}/quotes?quantity= three growers asked at once, the cheapest offer first
POST /orders                        {"reference": "a-1", "lines": [{"flower": 3, "quantity": 10}]}
GET  /orders/{reference}            one of the last orders
GET  /archive                       a streamed download of 64 MiB
PUT  /archive                       a streamed upload of the same bytes; tells their SHA-256
GET  /echo                          a WebSocket that returns each message
"""

import argparse
import asyncio
import base64
import hashlib
import json
import random
import re
import socket
import weakref
from collections import OrderedDict
from pathlib import Path

from aiohttp import WSMsgType, web

ARCHIVE_SEED = 1637
PIECE = 64 * 1024  # bytes of the archive handed to the connection at a time
ORDERS_KEPT = 10_000
REFERENCE = re.compile(r"[A-Za-z0-9-]{1,40}")

# name, percent of the list price, delivery in cents
GROWERS = (("Hillegom", 100, 0), ("Lisse", 97, 150), ("Sassenheim", 92, 600))

FLOWERS = web.AppKey("flowers", dict)
ORDERS = web.AppKey("orders", OrderedDict)
ARCHIVE = web.AppKey("archive", dict)
SOCKETS = web.AppKey("sockets", weakref.WeakSet)


class Invalid(Exception):
    """What a client sent can't be used: ``field`` says where, the message says why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


def refuse(status: int, error: str, **details: str) -> web.Response:
    return web.json_response({"error": error, **details}, status=status)


def whole_number(text: str, field: str, low: int, high: int) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise Invalid(field, f"expected a whole number from {low} to {high}")
    return int(text)


# -- the catalogue -----------------------------------------------------------------------------------------


async def list_flowers(request: web.Request) -> web.Response:
    try:
        limit = whole_number(request.query.get("limit", "100"), "limit", 1, 100)
    except Invalid as invalid:
        return refuse(400, str(invalid), field=invalid.field)
    colour = request.query.get("colour")
    found = [f for f in request.app[FLOWERS].values() if colour is None or f["colour"] == colour]
    return web.json_response({"found": len(found), "flowers": found[:limit]})


async def get_flower(request: web.Request) -> web.Response:
    flower = request.app[FLOWERS].get(int(request.match_info["id"]))
    if flower is None:
        return refuse(404, "no such flower", id=request.match_info["id"])
    return web.json_response(flower)


async def ask_grower(name: str, percent: int, delivery: int, list_price: int) -> dict:
    await asyncio.sleep(0)  # a real shop would wait here for the grower's answer
    return {"grower": name, "cents": list_price * percent // 100 + delivery}


async def get_quotes(request: web.Request) -> web.Response:
    flower = request.app[FLOWERS].get(int(request.match_info["id"]))
    if flower is None:
        return refuse(404, "no such flower", id=request.match_info["id"])
    try:
        quantity = whole_number(request.query.get("quantity", ""), "quantity", 1, 10_000)
    except Invalid as invalid:
        return refuse(400, str(invalid), field=invalid.field)
    list_price = flower["price_cents"] * quantity
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        asked = [group.create_task(ask_grower(*grower, list_price)) for grower in GROWERS]
    offers = sorted((task.result() for task in asked), key=lambda offer: offer["cents"])
    return web.json_response({"flower": flower["name"], "quantity": quantity, "offers": offers})


# -- orders ------------------------------------------------------------------------------------------------


def priced_line(line: object, field: str, flowers: dict) -> dict:
    if not isinstance(line, dict):
        raise Invalid(field, "expected an object")
    number = line.get("flower")
    flower = flowers.get(number) if type(number) is int else None
    if flower is None:
        raise Invalid(f"{field}.flower", "no such flower")
    quantity = line.get("quantity")
    if type(quantity) is not int or not 1 <= quantity <= 10_000:
        raise Invalid(f"{field}.quantity", "expected a whole number from 1 to 10000")
    cents = flower["price_cents"] * quantity
    return {"flower": flower["id"], "name": flower["name"], "quantity": quantity, "cents": cents}


def priced_order(body: object, flowers: dict) -> dict:
    if not isinstance(body, dict):
        raise Invalid("body", "expected an object")
    reference = body.get("reference")
    if not isinstance(reference, str) or not REFERENCE.fullmatch(reference):
        raise Invalid("reference", "expected 1 to 40 letters, digits or hyphens")
    lines = body.get("lines")
    if not isinstance(lines, list) or not lines:
        raise Invalid("lines", "expected at least one line")
    priced = [priced_line(line, f"lines[{i}]", flowers) for i, line in enumerate(lines)]
    return {"reference": reference, "lines": priced, "total_cents": sum(line["cents"] for line in priced)}


async def create_order(request: web.Request) -> web.Response:
    try:
        order = priced_order(await request.json(), request.app[FLOWERS])
    except ValueError:  # not JSON, or not text
        return refuse(400, "expected JSON", field="body")
    except Invalid as invalid:
        return refuse(422, str(invalid), field=invalid.field)
    orders, reference = request.app[ORDERS], order["reference"]
    if reference in orders:
        return refuse(409, "an order with this reference exists", reference=reference)
    orders[reference] = order
    if len(orders) > ORDERS_KEPT:
        orders.popitem(last=False)
    return web.json_response(order, status=201, headers={"Location": f"/orders/{reference}"})


async def get_order(request: web.Request) -> web.Response:
    order = request.app[ORDERS].get(request.match_info["reference"])
    if order is None:
        return refuse(404, "no such order", reference=request.match_info["reference"])
    return web.json_response(order)


# -- the archive -------------------------------------------------------------------------------------------


async def download(request: web.Request) -> web.StreamResponse:
    archive = request.app[ARCHIVE]
    response = web.StreamResponse(headers={"Repr-Digest": archive["digest"]})
    response.content_type = "application/octet-stream"
    response.content_length = len(archive["bytes"])
    await response.prepare(request)
    view = memoryview(archive["bytes"])
    for start in range(0, len(view), PIECE):
        await response.write(view[start : start + PIECE])
    await response.write_eof()
    return response


async def upload(request: web.Request) -> web.Response:
    """Hash what arrives and compare it with the archive, piece by piece; nothing is kept."""
    archive = request.app[ARCHIVE]["bytes"]
    seen, same, digest = 0, True, hashlib.sha256()
    async for piece in request.content.iter_any():
        same = same and archive[seen : seen + len(piece)] == piece
        seen += len(piece)
        digest.update(piece)
    same = same and seen == len(archive)
    return web.json_response({"bytes": seen, "sha256": digest.hexdigest(), "same_as_archive": same})


# -- the WebSocket -----------------------------------------------------------------------------------------


async def echo(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    request.app[SOCKETS].add(ws)
    async for message in ws:
        if message.type is WSMsgType.TEXT:
            await ws.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await ws.send_bytes(message.data)
    return ws


# -- starting and stopping ---------------------------------------------------------------------------------


async def announce_loop(app: web.Application) -> None:
    loop = type(asyncio.get_running_loop())
    print(f"event loop: {loop.__module__}.{loop.__qualname__}", flush=True)


async def close_sockets(app: web.Application) -> None:
    for ws in list(app[SOCKETS]):
        await ws.close(code=1001, message=b"the server stops")


def make_archive(mebibytes: int) -> dict:
    content = random.Random(ARCHIVE_SEED).randbytes(mebibytes * 1024 * 1024)
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return {"bytes": content, "digest": f"sha-256=:{digest}:"}


def make_app(archive_mebibytes: int = 64) -> web.Application:
    async def fill_archive(app: web.Application) -> None:
        app[ARCHIVE].update(await asyncio.to_thread(make_archive, archive_mebibytes))

    app = web.Application()
    catalogue = Path(__file__).with_name("flowers.json").read_text(encoding="utf-8")
    app[FLOWERS] = {flower["id"]: flower for flower in json.loads(catalogue)}
    app[ORDERS], app[ARCHIVE], app[SOCKETS] = OrderedDict(), {}, weakref.WeakSet()
    app.add_routes(
        [
            web.get("/flowers", list_flowers),
            web.get(r"/flowers/{id:\d{1,9}}", get_flower),
            web.get(r"/flowers/{id:\d{1,9}}/quotes", get_quotes),
            web.post("/orders", create_order),
            web.get("/orders/{reference}", get_order),
            web.get("/archive", download, allow_head=False),
            web.put("/archive", upload),
            web.get("/echo", echo),
        ]
    )
    app.on_startup.extend([announce_loop, fill_archive])
    app.on_shutdown.append(close_sockets)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="A flower shop over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one; it is printed once ready")
    parser.add_argument("--archive-mib", type=int, default=64, metavar="N", help="size of the archive in MiB")
    options = parser.parse_args()
    listener = socket.create_server((options.host, options.port), backlog=256)
    web.run_app(make_app(options.archive_mib), sock=listener, access_log=None)


if __name__ == "__main__":
    main()
