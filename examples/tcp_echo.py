"""An echo server on asyncio's streams: each line comes back as it was.

    python examples/tcp_echo.py --port 8081
    python -m tulipa examples/tcp_echo.py --port 8081
"""

import argparse
import asyncio
import signal


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async for line in reader:
        writer.write(line)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def serve(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with await asyncio.start_server(echo, host, port) as server:
        host, port = server.sockets[0].getsockname()
        print(f"event loop: {type(loop).__module__}.{type(loop).__qualname__}")
        print(f"Running on tcp://{host}:{port}", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Echo lines over TCP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port))
