"""What is measured: for each workload the connections, what opens them, and the requests they repeat."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from demo import shop, websocket
from demo.client import Exchange, Group, Small, Streaming

SMALL_CONNECTIONS = 32
STREAM_CONNECTIONS = 2
MESSAGE_SIZE = 1024

# Order references are unique in the process that sends them, whatever the round.
order_numbers = itertools.count()


@dataclass(frozen=True)
class Workload:
    """``script(i)`` gives connection ``i`` its requests, without end."""

    title: str
    script: Callable[[int], Iterator[Exchange]]
    connections: int = SMALL_CONNECTIONS
    kind: type[Group] = Small
    opening: tuple[Exchange, ...] = ()


def workloads(archive_mebibytes: int) -> dict[str, Workload]:
    return {
        "list": Workload("GET list", list_script),
        "one": Workload("GET one", one_script),
        "quotes": Workload("GET computed", quotes_script),
        "orders": Workload("POST create", orders_script),
        "echo": Workload("WebSocket", echo_script, opening=(websocket.handshake("/echo"),)),
        "download": Workload(
            "download",
            lambda i: itertools.repeat(shop.archive_download(archive_mebibytes)),
            STREAM_CONNECTIONS,
            Streaming,
        ),
        "upload": Workload(
            "upload",
            lambda i: itertools.repeat(shop.archive_upload(archive_mebibytes)),
            STREAM_CONNECTIONS,
            Streaming,
        ),
    }


def until(deadline: float, script: Iterator[Exchange]) -> Iterator[Exchange]:
    """End ``script`` at ``deadline`` on ``time.perf_counter``."""
    while time.perf_counter() < deadline:
        yield next(script)


def rotated(exchanges: list[Exchange], start: int) -> Iterator[Exchange]:
    """Repeat ``exchanges`` without end, each connection from another place."""
    start %= len(exchanges)
    return itertools.cycle(exchanges[start:] + exchanges[:start])


def list_script(connection: int) -> Iterator[Exchange]:
    colours = sorted({flower["colour"] for flower in shop.CATALOGUE})
    chosen = [shop.flower_list(limit=20)] + [shop.flower_list(colour=colour) for colour in colours]
    return rotated(chosen, connection)


def one_script(connection: int) -> Iterator[Exchange]:
    return rotated([shop.one_flower(number) for number in shop.BY_ID], connection)


def quotes_script(connection: int) -> Iterator[Exchange]:
    return rotated([shop.quotes(number, 10 * number) for number in shop.BY_ID], connection)


def orders_script(connection: int) -> Iterator[Exchange]:
    for number in itertools.cycle(range(1, len(shop.BY_ID))):
        lines = [(number, 1 + connection), (number + 1, 10)]
        yield shop.new_order(f"load-{next(order_numbers)}", lines)


def echo_script(connection: int) -> Iterator[Exchange]:
    alphabet = "abcdefghijklmnopqrstuvwxyz tulp \u00e9\u00ef\u20ac"
    source = random.Random(connection)
    texts = ["".join(source.choices(alphabet, k=MESSAGE_SIZE)).encode()[:MESSAGE_SIZE] for _ in range(8)]
    messages = [text.decode(errors="ignore").encode() for text in texts]
    return rotated([websocket.echoed(websocket.TEXT, message) for message in messages], connection)
