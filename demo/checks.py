"""Each route once, as a user would hope and as a user wouldn't: errors, odd sizes, the whole archive."""

from demo import shop, websocket
from demo.client import Address, Exchange, Small, Streaming
from demo.shop import json_exchange

MESSAGE_SIZES = (0, 1, 125, 126, 65_535, 65_536, 300_000)  # both sides of each length encoding of a frame


def check_all(address: Address, archive_mebibytes: int) -> int:
    """Verify every reply of the application; return how many, raise Mismatch at the first wrong one."""
    verified = 0
    for kind, script in (
        (Small, shop_script()),
        (Small, echo_script()),
        (Streaming, archive_script(archive_mebibytes)),
    ):
        with kind(address, 1) as group:
            verified += len(group.run([script]))
    return verified


def shop_script() -> list[Exchange]:
    lines = [(7, 12), (18, 3), (7, 1)]
    return [
        shop.flower_list(),
        shop.flower_list(colour="red"),
        shop.flower_list(colour="blue"),
        shop.flower_list(colour="white", limit=2),
        *(shop.one_flower(number) for number in (1, 4, len(shop.CATALOGUE))),
        *(shop.quotes(number, quantity) for number, quantity in ((4, 1), (18, 10), (19, 10_000))),
        shop.new_order("check-1", lines),
        shop.kept_order("check-1", lines),
        *refusals(),
    ]


def refusals() -> list[Exchange]:
    def refused_order(status: int, body: bytes, **answer: str) -> Exchange:
        return json_exchange("POST", "/orders", status, answer, body=body)

    def unknown(path: str, what: str, **key: str) -> Exchange:
        return json_exchange("GET", path, 404, {"error": f"no such {what}", **key})

    def bad_number(path: str, field: str, highest: int) -> Exchange:
        error = f"expected a whole number from 1 to {highest}"
        return json_exchange("GET", path, 400, {"error": error, "field": field})

    return [
        unknown("/flowers/41", "flower", id="41"),
        unknown("/flowers/0/quotes?quantity=1", "flower", id="0"),
        unknown("/orders/check-2", "order", reference="check-2"),
        bad_number("/flowers?limit=0", "limit", 100),
        bad_number("/flowers/3/quotes", "quantity", 10_000),
        bad_number("/flowers/3/quotes?quantity=ten", "quantity", 10_000),
        refused_order(
            409,
            shop.order_body("check-1", [(1, 1)]),
            error="an order with this reference exists",
            reference="check-1",
        ),
        refused_order(400, b"tulips, please", error="expected JSON", field="body"),
        refused_order(422, b"[]", error="expected an object", field="body"),
        refused_order(422, shop.order_body("check-3", []), error="expected at least one line", field="lines"),
        refused_order(
            422,
            shop.order_body("not a reference", [(1, 1)]),
            error="expected 1 to 40 letters, digits or hyphens",
            field="reference",
        ),
        refused_order(
            422,
            shop.order_body("check-3", [(1, 1), (99, 1)]),
            error="no such flower",
            field="lines[1].flower",
        ),
        refused_order(
            422,
            shop.order_body("check-3", [(1, 10_001)]),
            error="expected a whole number from 1 to 10000",
            field="lines[0].quantity",
        ),
        unknown("/orders/check-3", "order", reference="check-3"),
    ]


def echo_script() -> list[Exchange]:
    pattern = bytes(range(256)) * (max(MESSAGE_SIZES) // 256 + 1)
    return [
        websocket.handshake("/echo"),
        *(websocket.echoed(websocket.BINARY, pattern[:size]) for size in MESSAGE_SIZES),
        *(websocket.echoed(websocket.TEXT, b"t" * size) for size in MESSAGE_SIZES),
        websocket.echoed(websocket.TEXT, "een tulp \N{TULIP} voor Angélique".encode()),
        websocket.closing(),
    ]


def archive_script(archive_mebibytes: int) -> list[Exchange]:
    download, upload = shop.archive_download(archive_mebibytes), shop.archive_upload(archive_mebibytes)
    return [download, upload, download]
