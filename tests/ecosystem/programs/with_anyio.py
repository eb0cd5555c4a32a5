"""anyio, and httpx on top of it: task groups, cancel scopes, threads, sockets, processes; an HTTP server and client."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import httpx
from anyio.abc import TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener
from support import LARGE, LOOPBACK, PATIENCE, pieces_of, run, slowly, tls_contexts


async def task_groups_and_streams():
    async def square(numbers, answers):
        async with numbers, answers:
            async for number in numbers:
                await answers.send((number, number**2))

    given, numbers = anyio.create_memory_object_stream[int](4)
    answers, taken = anyio.create_memory_object_stream[tuple](4)
    async with anyio.create_task_group() as group:
        with numbers, answers:
            for _ in range(5):
                group.start_soon(square, numbers.clone(), answers.clone())

        async def feed():
            with given:
                for number in range(200):
                    await given.send(number)

        group.start_soon(feed)
        with taken:
            assert sorted([pair async for pair in taken]) == [(n, n * n) for n in range(200)]


async def failing_task_group():
    cleaned = []

    async def wait(name, *, task_status: TaskStatus = anyio.TASK_STATUS_IGNORED):
        task_status.started(name)
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
                cleaned.append(name)

    async def fail():
        raise ValueError("tulip")

    try:
        async with anyio.create_task_group() as group:
            assert [await group.start(wait, name) for name in "abc"] == list("abc")
            group.start_soon(fail)
    except* ValueError as group:
        assert [str(error) for error in group.exceptions] == ["tulip"]
    assert sorted(cleaned) == list("abc")


async def cancel_scopes():
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    try:
        with anyio.fail_after(0.01):
            await anyio.Event().wait()
    except TimeoutError:
        pass
    else:
        raise AssertionError("no TimeoutError")
    with anyio.CancelScope() as outer, anyio.CancelScope(shield=True) as inner:
        outer.cancel()
        await anyio.lowlevel.checkpoint()  # the shield holds
        inner.cancel()
        await anyio.sleep_forever()
    assert inner.cancelled_caught
    condition, limiter = anyio.Condition(), anyio.CapacityLimiter(1)
    async with anyio.create_task_group() as group:

        async def waiter():
            async with limiter, condition:
                await condition.wait()

        group.start_soon(waiter)
        await anyio.wait_all_tasks_blocked()
        async with condition:
            condition.notify_all()


async def threads():
    def work(number):
        assert threading.current_thread() is not threading.main_thread()
        return anyio.from_thread.run(double, anyio.from_thread.run_sync(abs, -number))

    async def double(number):
        await anyio.lowlevel.checkpoint()
        return 2 * number

    results = {}
    async with anyio.create_task_group() as group:

        async def keep(number):
            results[number] = await anyio.to_thread.run_sync(work, number)

        for number in range(30):
            group.start_soon(keep, number)
    assert results == {number: 2 * number for number in range(30)}

    def portal_from_elsewhere():
        with anyio.from_thread.start_blocking_portal() as portal:
            return portal.call(double, 21)

    assert await anyio.to_thread.run_sync(portal_from_elsewhere) == 42


async def sockets(tls=None):
    async def echo(stream):
        async with stream:
            async for piece in stream:
                await stream.send(piece)

    listener = await anyio.create_tcp_listener(local_host=LOOPBACK)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    if tls:
        listener = TLSListener(listener, tls[0], standard_compatible=False)
    async with anyio.create_task_group() as group:
        group.start_soon(listener.serve, echo)
        options = {"tls": True, "ssl_context": tls[1], "tls_standard_compatible": False} if tls else {}
        async with await anyio.connect_tcp("localhost", port, **options) as stream:

            async def send():
                for piece in pieces_of(LARGE):
                    await stream.send(piece)

            group.start_soon(send)
            assert await BufferedByteReceiveStream(stream).receive_exactly(len(LARGE)) == LARGE
        group.cancel_scope.cancel()
    await listener.aclose()


async def sockets_with_tls():
    await sockets(tls_contexts())


async def datagrams():
    async with (
        await anyio.create_udp_socket(family=socket.AF_INET, local_host=LOOPBACK) as server,
        await anyio.create_connected_udp_socket(
            LOOPBACK, server.extra(anyio.abc.SocketAttribute.local_port), family=socket.AF_INET
        ) as client,
    ):
        for number in range(20):
            await client.send(b"%d" % number)
            data, peer = await server.receive()
            await server.sendto(data * 2, *peer)
            assert await client.receive() == b"%d" % number * 2


async def processes():
    code = "import sys; data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1]); sys.exit(3)"
    result = await anyio.run_process([sys.executable, "-c", code], input=LARGE, check=False)
    assert (result.stdout, result.returncode) == (LARGE[::-1], 3)
    cat = [sys.executable, "-c", "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line.upper())"]
    async with await anyio.open_process(cat, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None) as process:
        await process.stdin.send(b"tulip\n")
        await process.stdin.aclose()
        assert b"".join([piece async for piece in process.stdout]) == b"TULIP\n"
        assert await process.wait() == 0
    with anyio.open_signal_receiver(signal.SIGUSR1) as signals:
        signal.raise_signal(signal.SIGUSR1)
        async for number in signals:
            assert number == signal.SIGUSR1
            break


# -- httpx: its client, and a small HTTP server of anyio's streams ---------------------------------------------


async def answer(stream):
    """Answer each request of a connection with its own body, in chunks."""
    async with stream:
        buffered = BufferedByteReceiveStream(stream)
        with contextlib.suppress(anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
            while True:
                head = (await buffered.receive_until(b"\r\n\r\n", 10_000)).lower()
                if b"get /never" in head:
                    await anyio.sleep_forever()
                await stream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                async for piece in body(buffered, head):
                    await stream.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                await stream.send(b"0\r\n\r\n")


async def body(buffered, head):
    if b"transfer-encoding: chunked" in head:
        while size := int(await buffered.receive_until(b"\r\n", 20), 16):
            yield await buffered.receive_exactly(size)
            await buffered.receive_exactly(2)
        await buffered.receive_exactly(2)
    elif b"content-length: " in head:
        yield await buffered.receive_exactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))


@contextlib.asynccontextmanager
async def http_client(tls=None):
    """A client of httpx with the server above, which is stopped at the end."""
    listener = await anyio.create_tcp_listener(local_host=LOOPBACK)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    if tls:
        listener = TLSListener(listener, tls[0], standard_compatible=False)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, answer)
        base = f"{'https' if tls else 'http'}://localhost:{port}"
        async with httpx.AsyncClient(base_url=base, verify=tls[1] if tls else True, trust_env=False) as client:
            yield client
        group.cancel_scope.cancel()


async def httpx_requests(tls=None):
    async with http_client(tls) as client, anyio.create_task_group() as group:

        async def ask(number):
            response = await client.post("/", json={"number": number})
            assert response.json() == {"number": number}

        for number in range(50):
            group.start_soon(ask, number)
        async with client.stream("POST", "/", content=slowly(LARGE, 30_000)) as response:
            assert b"".join([piece async for piece in response.aiter_bytes(50_000)]) == LARGE


async def httpx_over_tls():
    await httpx_requests(tls_contexts())


async def httpx_giving_up():
    async with http_client() as client:
        try:
            await client.get("/never", timeout=httpx.Timeout(PATIENCE, read=0.05))
        except httpx.ReadTimeout:
            pass
        else:
            raise AssertionError("no ReadTimeout")
        with anyio.move_on_after(0.05) as scope:
            await client.get("/never", timeout=None)
        assert scope.cancelled_caught
        assert (await client.post("/", content=b"still well")).content == b"still well"


if __name__ == "__main__":
    run(task_groups_and_streams, failing_task_group, cancel_scopes, threads, sockets, sockets_with_tls, datagrams,
        processes, httpx_requests, httpx_over_tls, httpx_giving_up, libraries=("anyio", "httpx", "httpcore", "sniffio"))
