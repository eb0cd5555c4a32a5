"""What the flower shop of ``examples/app.py`` must answer, worked out without the application.

Only the catalogue and the recipe of the archive are shared with it; each expected reply is built here anew.
"""

import base64
import hashlib
import json
import random
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from demo.exchange import HttpExchange, body_headers, http_request

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
APPLICATION = EXAMPLES / "app.py"
ARCHIVE_SEED = 1637
MEBIBYTE = 1024 * 1024

CATALOGUE = json.loads((EXAMPLES / "flowers.json").read_text(encoding="utf-8"))
BY_ID = {flower["id"]: flower for flower in CATALOGUE}


def json_exchange(
    method: str, path: str, status: int, answer: object, *, body: bytes = b"", **headers: str
) -> HttpExchange:
    """A request for ``path`` that must get ``answer`` as JSON, with ``headers`` beside the usual ones."""
    expected = json.dumps(answer).encode()
    return HttpExchange(
        f"{method} {path}",
        http_request(method, path, body),
        status,
        {**body_headers(expected), **headers},
        expected,
    )


def flower_list(*, colour: str | None = None, limit: int | None = None) -> HttpExchange:
    found = [flower for flower in CATALOGUE if colour in (None, flower["colour"])]
    query = [f"colour={colour}"] if colour else []
    query += [f"limit={limit}"] if limit else []
    path = "/flowers" + ("?" + "&".join(query) if query else "")
    return json_exchange("GET", path, 200, {"found": len(found), "flowers": found[: limit or 100]})


def one_flower(number: int) -> HttpExchange:
    return json_exchange("GET", f"/flowers/{number}", 200, BY_ID[number])


def quotes(number: int, quantity: int) -> HttpExchange:
    price = BY_ID[number]["price_cents"] * quantity
    offers = {
        "Hillegom": price,
        "Lisse": price * 97 // 100 + 150,
        "Sassenheim": price * 92 // 100 + 600,
    }
    cheapest_first = sorted(offers, key=offers.__getitem__)
    answer = {
        "flower": BY_ID[number]["name"],
        "quantity": quantity,
        "offers": [{"grower": grower, "cents": offers[grower]} for grower in cheapest_first],
    }
    return json_exchange("GET", f"/flowers/{number}/quotes?quantity={quantity}", 200, answer)


def order_body(reference: str, lines: Iterable[tuple[int, int]]) -> bytes:
    wanted = [{"flower": number, "quantity": quantity} for number, quantity in lines]
    return json.dumps({"reference": reference, "lines": wanted}).encode()


def order_answer(reference: str, lines: Iterable[tuple[int, int]]) -> dict:
    priced = []
    for number, quantity in lines:
        flower = BY_ID[number]
        cents = flower["price_cents"] * quantity
        priced.append({"flower": number, "name": flower["name"], "quantity": quantity, "cents": cents})
    return {"reference": reference, "lines": priced, "total_cents": sum(line["cents"] for line in priced)}


def new_order(reference: str, lines: list[tuple[int, int]]) -> HttpExchange:
    exchange = json_exchange(
        "POST",
        "/orders",
        201,
        order_answer(reference, lines),
        body=order_body(reference, lines),
        Location=f"/orders/{reference}",
    )
    exchange.name += f" ({reference})"
    return exchange


def kept_order(reference: str, lines: list[tuple[int, int]]) -> HttpExchange:
    return json_exchange("GET", f"/orders/{reference}", 200, order_answer(reference, lines))


@lru_cache(maxsize=1)
def archive_bytes(mebibytes: int) -> bytes:
    """The archive, drawn a MiB at a time."""
    source = random.Random(ARCHIVE_SEED)
    return b"".join(source.randbytes(MEBIBYTE) for _ in range(mebibytes))


@lru_cache(maxsize=1)
def archive_sha256(mebibytes: int) -> bytes:
    return hashlib.sha256(archive_bytes(mebibytes)).digest()


def archive_download(mebibytes: int) -> HttpExchange:
    digest = base64.b64encode(archive_sha256(mebibytes)).decode()
    content = archive_bytes(mebibytes)
    headers = body_headers(content, "application/octet-stream")
    headers["Repr-Digest"] = f"sha-256=:{digest}:"
    return HttpExchange("GET /archive", http_request("GET", "/archive"), 200, headers, content)


def archive_upload(mebibytes: int) -> HttpExchange:
    size = mebibytes * MEBIBYTE
    answer = {"bytes": size, "sha256": archive_sha256(mebibytes).hex(), "same_as_archive": True}
    exchange = json_exchange("PUT", "/archive", 200, answer)
    exchange.request = http_request(
        "PUT", "/archive", Content_Type="application/octet-stream", Content_Length=str(size)
    )
    exchange.payload = archive_bytes(mebibytes)
    return exchange
