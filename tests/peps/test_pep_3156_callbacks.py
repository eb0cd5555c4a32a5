"""PEP 3156, "Event Loop Interface Specification": callbacks of every kind, from every side, and bare sockets."""

import asyncio
import concurrent.futures
import os
import signal
import socket
import threading
import time

import pytest
from helpers.accounting import turn
from helpers.running import on_loop


def failing():
    raise KeyError("from a callback")


# --- Basic Callbacks ---------------------------------------------------------------------------------


@pytest.mark.virtual_too
def test_call_soon_keeps_the_order_and_passes_positional_arguments(loop):
    seen = []
    handles = [loop.call_soon(lambda *args: seen.append(args), number, "more") for number in range(5)]
    handles[2].cancel()
    assert seen == []
    turn(loop)
    assert seen == [(number, "more") for number in (0, 1, 3, 4)]


@pytest.mark.virtual_too
def test_callbacks_are_strictly_serialized(loop):
    def callback(number):
        seen.append(("begin", number))
        if number < 3:
            loop.call_soon(callback, number + 10)
        seen.append(("end", number))

    seen = []
    for number in range(5):
        loop.call_soon(callback, number)
    turn(loop, 2)
    assert [number for _, number in seen] == [n for m in (0, 1, 2, 3, 4, 10, 11, 12) for n in (m, m)]
    assert [name for name, _ in seen] == ["begin", "end"] * 8


@pytest.mark.virtual_too
def test_call_later_calls_once_after_the_delay_unless_cancelled(loop):
    async def main():
        start = loop.time()
        loop.call_later(0.02, lambda: seen.append(loop.time() - start))
        loop.call_later(0.01, seen.append, "never").cancel()
        future = loop.create_future()
        loop.call_later(0.05, future.set_result, None)
        await future

    seen = []
    loop.run_until_complete(main())
    (after,) = seen
    # The standard loop may be early by its clock's resolution.
    assert after > 0.019


@pytest.mark.virtual_too
def test_call_later_is_call_at_the_time_plus_the_delay(loop):
    start = loop.time()
    later = loop.call_later(50, print)
    at = loop.call_at(loop.time() + 50, print)
    end = loop.time()
    assert start + 50 <= later.when() <= at.when() <= end + 50
    later.cancel()
    at.cancel()


@pytest.mark.virtual_too
@pytest.mark.parametrize("delay", [0, -1, 0.0, -0.5], ids=str)
def test_times_may_be_ints_and_floats_and_in_the_past(loop, delay):
    seen = []
    loop.call_later(delay, seen.append, "later")
    loop.call_at(loop.time() + delay, seen.append, "at")
    loop.call_at(int(loop.time()) - 1, seen.append, "past")
    turn(loop, 2)
    assert sorted(seen) == ["at", "later", "past"]


@pytest.mark.virtual_too
def test_time_is_a_float_that_grows(loop):
    times = [loop.time() for _ in range(100)]
    assert all(type(moment) is float for moment in times)
    assert times == sorted(times)


def test_time_goes_in_seconds_of_the_monotonic_clock(loop):
    assert abs(loop.time() - time.monotonic()) < 5


# --- Thread interaction ------------------------------------------------------------------------------


def test_call_soon_threadsafe_unblocks_a_waiting_loop(loop):
    def post():
        while not loop.is_running():
            pass
        handles.append(loop.call_soon_threadsafe(seen.append, threading.get_ident()))
        loop.call_soon_threadsafe(seen.append, "cancelled").cancel()
        loop.call_soon_threadsafe(loop.stop)

    seen, handles = [], []
    thread = threading.Thread(target=post)
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()
    assert seen == [thread.ident] or seen == [thread.ident, "cancelled"]
    assert isinstance(handles[0], asyncio.Handle)


def test_call_later_is_scheduled_from_a_thread_by_call_soon_threadsafe(loop):
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(loop.call_later, 0.001, loop.stop))
    thread.start()
    loop.run_forever()
    thread.join()


@on_loop
async def test_run_in_executor_gives_a_future_with_the_result(loop):
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        future = loop.run_in_executor(executor, lambda *args: (args, threading.get_ident()), 1, 2)
        assert asyncio.isfuture(future)
        args, ident = await future
        assert args == (1, 2) and ident != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(executor, lambda: 1 / 0)
        assert await asyncio.wrap_future(executor.submit(sum, [1, 2]), loop=loop) == 3


@on_loop
async def test_a_default_executor_is_made_on_demand(loop):
    first = await loop.run_in_executor(None, threading.current_thread)
    assert first is not threading.current_thread()


def test_set_default_executor_is_used_and_checked(loop):
    class Recording(concurrent.futures.ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            submitted.append(args)
            return super().submit(*args, **kwargs)

    async def main():
        return await loop.run_in_executor(None, sum, [1, 2])

    submitted = []
    loop.set_default_executor(Recording(1))
    assert loop.run_until_complete(main()) == 3
    assert submitted == [(sum, [1, 2])]
    with pytest.raises(TypeError):
        loop.set_default_executor("no executor")


# --- Wrapped Socket Methods --------------------------------------------------------------------------


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        yield one, other


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def test_sock_recv_gives_up_to_n_bytes(loop, pair):
    async def main():
        one, other = pair
        loop.call_soon(other.send, b"abcdef")
        assert await loop.sock_recv(one, 4) == b"abcd"
        assert await loop.sock_recv(one, 100) == b"ef"
        other.shutdown(socket.SHUT_WR)
        assert await loop.sock_recv(one, 100) == b""

    loop.run_until_complete(main())


def test_sock_sendall_sends_all(loop, pair):
    async def main():
        one, other = pair
        data = os.urandom(1 << 20)
        sending = loop.create_task(_awaited(loop.sock_sendall(one, data)))
        received = bytearray()
        while len(received) < len(data):
            received += await loop.sock_recv(other, 1 << 16)
        assert await sending is None
        assert received == data

    loop.run_until_complete(main())


async def _awaited(awaitable):
    return await awaitable


def test_sock_connect_and_sock_accept_meet(loop, listener):
    async def main():
        with socket.socket() as sock:
            sock.setblocking(False)
            accepting = loop.create_task(_awaited(loop.sock_accept(listener)))
            assert await loop.sock_connect(sock, listener.getsockname()) is None
            conn, peer = await accepting
            with conn:
                assert peer == sock.getsockname() and conn.getblocking() is False
                await loop.sock_sendall(conn, b"hello")
                assert await loop.sock_recv(sock, 10) == b"hello"

    loop.run_until_complete(main())


def test_sockets_have_to_be_non_blocking(loop, pair):
    async def main():
        one, _ = pair
        one.setblocking(True)
        loop.set_debug(True)
        for use in (
            lambda: loop.sock_recv(one, 1),
            lambda: loop.sock_sendall(one, b"x"),
            lambda: loop.sock_accept(one),
        ):
            with pytest.raises(ValueError):
                await use()

    loop.run_until_complete(main())


# --- I/O Callbacks -----------------------------------------------------------------------------------


def test_add_reader_calls_whenever_ready_and_is_replaced(loop, pair):
    one, other = pair
    seen = []
    assert loop.add_reader(one, lambda *args: seen.append(args), 1, 2) is None
    other.send(b"x")
    turn(loop, 2)
    assert seen and set(seen) == {(1, 2)}
    seen.clear()
    loop.add_reader(one.fileno(), seen.append, "another")
    turn(loop, 2)
    assert seen and set(seen) == {"another"}
    assert loop.remove_reader(one) is True
    assert loop.remove_reader(one) is False
    seen.clear()
    turn(loop, 2)
    assert seen == []


def test_add_writer_is_for_writing_and_by_itself(loop, pair):
    one, other = pair
    seen = []
    loop.add_writer(one, seen.append, "writable")
    loop.add_reader(one, seen.append, "readable")
    turn(loop, 2)
    assert set(seen) == {"writable"}
    assert loop.remove_writer(one) is True and loop.remove_writer(one) is False
    seen.clear()
    other.send(b"x")
    turn(loop, 2)
    assert set(seen) == {"readable"}
    assert loop.remove_reader(one)


def test_file_like_objects_with_fileno_are_accepted_and_disk_files_are_not(loop, tmp_path):
    reading, writing = os.pipe()
    with open(reading, "rb", 0) as reader, open(writing, "wb", 0) as writer:
        seen = []
        loop.add_reader(reader, lambda: seen.append(reader.read(10)))
        writer.write(b"data")
        turn(loop)
        assert seen == [b"data"]
        assert loop.remove_reader(reader)
    with open(tmp_path / "file", "wb") as file, pytest.raises(OSError):
        loop.add_reader(file, print)


# --- Signal callbacks --------------------------------------------------------------------------------


def test_signal_handlers_are_called_replaced_and_removed(loop):
    seen = []
    assert loop.add_signal_handler(signal.SIGUSR1, seen.append, "first") is None
    loop.add_signal_handler(signal.SIGUSR1, lambda *args: (seen.append(args), loop.stop()), "second", 2)
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.run_forever()
    assert seen == [("second", 2)]
    assert loop.remove_signal_handler(signal.SIGUSR1) is True
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


def test_signals_that_can_not_be_handled(loop):
    for invalid in (0, signal.NSIG, -1):
        with pytest.raises(ValueError):
            loop.add_signal_handler(invalid, print)
        with pytest.raises(ValueError):
            loop.remove_signal_handler(invalid)
    # ValueError in the PEP's words; RuntimeError by every implementation, in asyncio's documentation too.
    with pytest.raises((ValueError, RuntimeError)):
        loop.add_signal_handler(signal.SIGKILL, print)
    assert loop.remove_signal_handler(signal.SIGKILL) is False


def test_only_the_loop_of_the_main_thread_handles_signals(loop_factory):
    def run():
        loop = loop_factory()
        try:
            loop.add_signal_handler(signal.SIGUSR1, print)
        except Exception as error:
            seen.append(type(error))
        finally:
            loop.close()

    seen = []
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen in ([RuntimeError], [ValueError])


# --- Mutual Exclusion of Callbacks -------------------------------------------------------------------


def test_no_callback_starts_while_another_runs(loop, pair):
    one, other = pair
    running, seen, stopped = [], set(), []

    def callback(kind):
        assert not running, f"{kind} while {running} runs"
        running.append(kind)
        seen.add(kind)
        time.sleep(0.0001)  # gives threads and signals their chance
        if seen == kinds and not stopped:
            stopped.append(loop.stop())
        running.clear()

    def post():
        while kinds - {"signal"} - seen:
            loop.call_soon_threadsafe(callback, "threadsafe")
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.0001)

    kinds = {"soon", "later", "at", "threadsafe", "reader", "writer", "signal"}
    other.send(b"x")
    loop.add_signal_handler(signal.SIGUSR1, callback, "signal")
    loop.add_reader(one, callback, "reader")
    loop.add_writer(one, callback, "writer")
    for _ in range(10):
        loop.call_soon(callback, "soon")
        loop.call_later(0.001, callback, "later")
        loop.call_at(loop.time(), callback, "at")
    thread = threading.Thread(target=post)
    thread.start()
    loop.run_forever()
    thread.join()
    loop.remove_reader(one)
    loop.remove_writer(one)
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.remove_signal_handler(signal.SIGUSR1)
    assert seen == kinds


# --- Handles, Callback Style -------------------------------------------------------------------------


@pytest.mark.virtual_too
def test_handles_cancel(loop):
    ways = [loop.call_soon, loop.call_soon_threadsafe]
    handles = [way(failing) for way in ways] + [loop.call_later(0, failing), loop.call_at(0, failing)]
    for handle in handles:
        assert isinstance(handle, asyncio.Handle)
        assert handle.cancel() is None
        assert handle.cancelled() and handle.cancel() is None
    turn(loop, 2)


@pytest.mark.virtual_too
def test_callbacks_take_no_keyword_arguments(loop):
    with pytest.raises(TypeError):
        loop.call_soon(print, repeat=42)
    with pytest.raises(TypeError):
        loop.call_later(0, print, repeat=42)
    seen = []
    loop.call_soon(lambda: seen.append(dict(repeat=42)))
    turn(loop)
    assert seen == [{"repeat": 42}]
