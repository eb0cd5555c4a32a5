"""Drivers: the contract that each keeps, the virtual clock, and how one is chosen."""

import asyncio
import contextlib
import math
import os
import selectors
import socket
import sys
import threading

import pytest
from helpers.accounting import open_descriptors
from helpers.cases import drivers, tulipa
from helpers.processes import run_source
from helpers.running import turns

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

from tulipa._core.ready import ReadyQueue
from tulipa._drivers import make_driver
from tulipa._drivers.base import READ, WRITE, Driver, Watcher
from tulipa._drivers.virtual import VirtualDriver

BOTH = READ | WRITE
# Long enough to tell a wait from none, short enough not to matter.
A_WHILE = 0.01


@pytest.fixture(params=[*drivers(), "virtual"])
def driver(request):
    driver = make_driver(request.param)
    yield driver
    driver.close()


@pytest.fixture
def pair():
    """Two connected sockets; the first, non-blocking, has room to write and nothing to read."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def wait(driver, timeout, *watchers):
    """Wait once; which of the watchers became ready, as a list of (watcher, what happened), and no others."""
    ready = ReadyQueue()
    driver.wait(timeout, ready)
    found = [(watcher, watcher._happened) for watcher in watchers if ready.holds(watcher)]
    assert ready.count == len(found), "each stands in the queue once"
    for watcher, _ in found:
        watcher._happened = 0
    return found


# --- time and waiting -----------------------------------------------------------------------------


def test_is_a_driver_with_a_name(driver):
    assert isinstance(driver, Driver)
    assert driver.name in ("epoll", "selectors", "virtual")
    assert make_driver(driver) is driver


def test_time_never_goes_back(driver):
    times = [driver.time() for _ in range(100)]
    assert all(type(time) is float for time in times) and times == sorted(times)


@pytest.mark.parametrize("timeout", [A_WHILE, 0.001, 0.00015, 1e-7])
def test_never_returns_early(driver, timeout):
    before = driver.time()
    assert wait(driver, timeout) == []
    assert driver.time() >= before + timeout


def test_does_not_wait_when_told_so(driver):
    assert wait(driver, 0) == []


def test_wake_ends_the_next_wait_for_ever(driver):
    driver.wake()
    assert wait(driver, -1) == []


def test_wake_ends_the_present_wait_for_ever(driver):
    thread = threading.Thread(target=driver.wake)
    thread.start()
    assert wait(driver, -1) == []
    thread.join()


def test_many_wakes_are_one_and_leave_nothing_behind(driver):
    for _ in range(100_000):
        driver.wake()
    assert wait(driver, -1) == []
    before = driver.time()
    assert wait(driver, A_WHILE) == []
    assert driver.time() >= before + A_WHILE, "a wake-up already consumed does not end the next wait"


def test_wake_after_close_is_harmless(driver):
    driver.close()
    driver.close()
    driver.wake()


def test_close_gives_everything_back():
    for name in [*drivers(), "virtual"]:
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        driver = make_driver(name)
        driver.close()
        after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        assert before == after


# --- the wake-up descriptor, and a forked child ---------------------------------------------------


def test_a_byte_in_the_wake_descriptor_wakes(driver):
    assert driver.wake_descriptor() >= 0 and not os.get_blocking(driver.wake_descriptor())
    os.write(driver.wake_descriptor(), b"x")
    assert wait(driver, -1) == []
    before = driver.time()
    assert wait(driver, A_WHILE) == [] and driver.time() >= before + A_WHILE


def test_no_wake_descriptor_after_close(driver):
    driver.close()
    assert driver.wake_descriptor() == -1


def test_after_fork_nothing_is_open_until_it_is_needed():
    for name in [*drivers(), "virtual"]:
        before = open_descriptors()
        driver = make_driver(name)
        opened = set(open_descriptors())
        for _ in range(2):
            driver.after_fork()
            assert open_descriptors() == before and driver.wake_descriptor() == -1
        driver.wake()
        assert wait(driver, -1) == [], "who woke it meanwhile is heard"
        assert set(open_descriptors()) == opened
        driver.after_fork()
        driver.close()
        driver.after_fork()
        assert open_descriptors() == before
        with pytest.raises((OSError, ValueError, RuntimeError)):
            wait(driver, 0)


def test_after_fork_what_is_watched_stays_watched(driver, pair):
    ours, theirs = pair
    both, reading = Watcher(ours.fileno()), Watcher(theirs.fileno())
    driver.watch(both, BOTH)
    driver.watch(reading, READ)
    driver.after_fork()
    assert driver.watcher_of(ours.fileno()) is both and driver.watcher_count() == 2
    theirs.send(b"x")
    assert wait(driver, -1, both, reading) == [(both, BOTH)]
    driver.watch(both, WRITE)
    ours.send(b"x")
    found = wait(driver, -1, both, reading)
    assert sorted(found, key=lambda pair: pair[0] is both) == [(reading, READ), (both, WRITE)]
    driver.forget(both)
    driver.forget(reading)
    assert driver.watcher_count() == 0


def test_after_fork_some_are_forgotten_closed_or_watched_otherwise(driver, pair):
    ours, theirs = pair
    forgotten, otherwise = Watcher(ours.fileno()), Watcher(theirs.fileno())
    reader, writer = os.pipe()
    lost, late = Watcher(reader), Watcher(writer)
    for watcher in forgotten, otherwise, lost:
        driver.watch(watcher, READ)
    driver.after_fork()
    driver.forget(forgotten)
    os.close(reader)
    driver.watch(otherwise, WRITE)
    assert driver.watcher_count() == 1 and driver.watcher_of(reader) is None
    assert wait(driver, -1, forgotten, otherwise, lost) == [(otherwise, WRITE)]
    reader, other = os.pipe()
    assert driver.watcher_of(reader) is None, "the number means another file"
    os.close(reader)
    os.close(other)
    driver.watch(late, READ)
    driver.forget(late)
    driver.forget(otherwise)
    os.close(writer)


# --- readiness ------------------------------------------------------------------------------------


@pytest.mark.parametrize("interest, sent, happened", [
    (READ, b"", 0), (READ, b"x", READ), (WRITE, b"", WRITE), (WRITE, b"x", WRITE),
    (BOTH, b"", WRITE), (BOTH, b"x", BOTH), (0, b"x", 0),
])
def test_tells_what_was_asked_for(driver, pair, interest, sent, happened):
    ours, theirs = pair
    theirs.send(sent)
    watcher = Watcher(ours.fileno())
    driver.watch(watcher, interest)
    assert wait(driver, 0, watcher) == ([(watcher, happened)] if happened else [])
    driver.forget(watcher)


def test_readiness_ends_a_wait_for_ever(driver, pair):
    ours, theirs = pair
    watcher = Watcher(ours.fileno())
    driver.watch(watcher, READ)
    thread = threading.Thread(target=theirs.send, args=(b"x",))
    thread.start()
    assert wait(driver, -1, watcher) == [(watcher, READ)]
    thread.join()
    driver.forget(watcher)


def test_what_is_not_consumed_is_told_again(driver, pair):
    ours, theirs = pair
    watcher = Watcher(ours.fileno())
    driver.watch(watcher, READ)
    theirs.send(b"xy")
    assert wait(driver, 0, watcher) == wait(driver, 0, watcher) == [(watcher, READ)]
    ours.recv(1)
    assert wait(driver, 0, watcher) == [(watcher, READ)]
    ours.recv(1)
    assert wait(driver, 0, watcher) == []
    driver.forget(watcher)


def test_interest_can_change(driver, pair):
    ours, theirs = pair
    theirs.send(b"x")
    watcher = Watcher(ours.fileno())
    for interest in (READ, BOTH, WRITE, READ):
        driver.watch(watcher, interest)
        assert wait(driver, 0, watcher) == [(watcher, interest)]
    driver.watch(watcher, 0)
    assert wait(driver, 0, watcher) == []
    driver.watch(watcher, READ)
    assert wait(driver, 0, watcher) == [(watcher, READ)]
    driver.forget(watcher)


def test_hang_up_is_readable_and_writable(driver, pair):
    ours, theirs = pair
    watcher = Watcher(ours.fileno())
    driver.watch(watcher, BOTH)
    theirs.close()
    assert wait(driver, 0, watcher) == [(watcher, BOTH)]
    driver.watch(watcher, READ)
    assert wait(driver, 0, watcher) == [(watcher, READ)]
    driver.forget(watcher)


def test_forgotten_watchers_are_silent(driver, pair):
    ours, theirs = pair
    theirs.send(b"x")
    watcher = Watcher(ours.fileno())
    driver.watch(watcher, READ)
    driver.forget(watcher)
    assert wait(driver, 0, watcher) == []
    driver.forget(watcher)
    driver.forget(Watcher(ours.fileno()))
    assert driver.watcher_count() == 0


def test_watchers_are_counted_and_found(driver, pair):
    watchers = [Watcher(sock.fileno()) for sock in pair]
    assert driver.watcher_count() == 0 and driver.watcher_of(pair[0].fileno()) is None
    for watcher in watchers:
        driver.watch(watcher, READ)
    assert driver.watcher_count() == 2
    assert driver.watcher_of(pair[0].fileno()) is watchers[0]
    driver.forget(watchers[0])
    assert driver.watcher_count() == 1 and driver.watcher_of(pair[0].fileno()) is None
    driver.forget(watchers[1])


def test_descriptor_number_used_again(driver):
    """A forgotten watcher hears nothing of a new descriptor that got the old one's number."""
    first, peer = socket.socketpair()
    number = first.fileno()
    old = Watcher(number)
    driver.watch(old, BOTH)
    driver.forget(old)
    first.close()
    peer.close()
    second, peer = socket.socketpair()
    assert second.fileno() == number, "the system gives the lowest free number"
    new = Watcher(number)
    driver.watch(new, WRITE)
    assert wait(driver, 0, old, new) == [(new, WRITE)]
    driver.forget(new)
    second.close()
    peer.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere plain files may be watched")
def test_what_cannot_be_watched(driver, tmp_path, pair):
    with open(tmp_path / "file", "wb") as file:
        watcher = Watcher(file.fileno())
        with pytest.raises(OSError):
            driver.watch(watcher, READ)
        assert driver.watcher_count() == 0
        with pytest.raises(OSError):
            driver.watch(watcher, READ)
    working = Watcher(pair[0].fileno())
    driver.watch(working, WRITE)
    assert wait(driver, 0, watcher, working) == [(working, WRITE)]
    driver.forget(working)


def test_many_at_once(driver):
    with contextlib.ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(150)]
        for sock in (sock for pair in pairs for sock in pair):
            stack.callback(sock.close)
        watchers = [Watcher(ours.fileno()) for ours, _ in pairs]
        for watcher in watchers:
            driver.watch(watcher, READ)
        for _, theirs in pairs:
            theirs.send(b"x")
        seen = []
        for _ in range(20):
            for watcher, happened in wait(driver, 0, *watchers):
                assert happened == READ
                seen.append(watcher)
                driver.forget(watcher)
    assert len(seen) == len(watchers) and set(seen) == set(watchers)


# --- the virtual clock ----------------------------------------------------------------------------


@pytest.fixture
def virtual_loop():
    loop = tulipa.EventLoop("virtual")
    yield loop
    loop.close()


@pytest.mark.parametrize("start", [2.0**53, -(2.0**53), math.inf, math.nan])
def test_no_start_where_the_clock_would_stand_still(start):
    with pytest.raises(ValueError, match="the clock stands still"):
        VirtualDriver(start)


def test_clock_jumps_to_the_deadline(virtual_loop):
    async def main():
        start = virtual_loop.time()
        for seconds in (1, 3600, 86400 * 365):
            await asyncio.sleep(seconds)
        return virtual_loop.time() - start

    assert virtual_loop.run_until_complete(main()) == pytest.approx(1 + 3600 + 86400 * 365)


def test_clock_stands_still_while_there_is_work(virtual_loop):
    async def main():
        start = virtual_loop.time()
        await turns(100)
        return virtual_loop.time() - start

    assert virtual_loop.run_until_complete(main()) == 0


def test_timers_run_at_exactly_their_time(virtual_loop):
    async def main():
        times = []
        start = virtual_loop.time()
        for delay in (0.1, 7.5, 0.1, 1000.25):
            virtual_loop.call_later(delay, lambda: times.append(virtual_loop.time()))
        await asyncio.sleep(2000)
        return [time - start for time in times]

    assert virtual_loop.run_until_complete(main()) == [0.1, 0.1, 7.5, 1000.25]


def test_two_runs_are_the_same():
    def trace():
        loop = tulipa.EventLoop("virtual")
        events = []

        async def worker(number):
            for step in range(5):
                await asyncio.sleep((number * 37 + step * 11) % 17 / 10)
                events.append((loop.time(), number, step))

        async def main():
            await asyncio.gather(*map(worker, range(20)))

        loop.run_until_complete(main())
        loop.close()
        return events

    first = trace()
    assert len(first) == 100 and first == trace()


def test_virtual_clock_waits_for_threads(virtual_loop):
    async def main():
        return await asyncio.to_thread(lambda: "from the thread")

    assert virtual_loop.run_until_complete(main()) == "from the thread"
    virtual_loop.run_until_complete(virtual_loop.shutdown_default_executor())


def test_virtual_clock_lets_ready_descriptors_go_first(virtual_loop, pair):
    ours, theirs = pair
    order = []
    virtual_loop.add_reader(ours, lambda: (order.append(ours.recv(1)), virtual_loop.time()))
    virtual_loop.call_later(10, order.append, "timer")
    theirs.send(b"x")
    virtual_loop.call_later(20, virtual_loop.stop)
    virtual_loop.run_forever()
    virtual_loop.remove_reader(ours)
    assert order == [b"x", "timer"]


# --- choosing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*drivers(), "virtual"])
def test_chosen_by_name(name):
    loop = tulipa.EventLoop(name)
    assert loop.driver_name == name
    loop.close()
    loop = tulipa.EventLoop(driver=name)
    assert loop.driver_name == name
    loop.close()


def test_chosen_by_instance(driver):
    loop = tulipa.EventLoop(driver)
    assert loop.driver_name == driver.name
    loop.run_until_complete(turns(2))
    loop.close()


@pytest.mark.parametrize("name", [*drivers(), "virtual"])
def test_chosen_by_the_environment(name, monkeypatch):
    monkeypatch.setenv("TULIPA_DRIVER", name)
    for make in (tulipa.EventLoop, tulipa.new_event_loop):
        loop = make()
        assert loop.driver_name == name
        loop.close()


def test_argument_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("TULIPA_DRIVER", "virtual")
    loop = tulipa.EventLoop("selectors")
    assert loop.driver_name == "selectors"
    loop.close()


@pytest.mark.parametrize("value", [None, ""])
def test_chosen_automatically(value, monkeypatch):
    monkeypatch.delenv("TULIPA_DRIVER", raising=False)
    if value is not None:
        monkeypatch.setenv("TULIPA_DRIVER", value)
    loop = tulipa.EventLoop()
    assert loop.driver_name == drivers()[0]
    loop.close()


@pytest.mark.parametrize("by_environment", [False, True])
def test_unknown_name_says_which_there_are(by_environment, monkeypatch):
    monkeypatch.setenv("TULIPA_DRIVER", "iocp" if by_environment else "")
    with pytest.raises(ValueError) as caught:
        tulipa.EventLoop(None if by_environment else "iocp")
    for word in ("'iocp'", "epoll", "selectors", "virtual"):
        assert word in str(caught.value)


@pytest.mark.parametrize("wrong", [5, pytest.param(object(), id="object"), b"epoll", Driver], ids=repr)
def test_driver_of_a_wrong_type(wrong):
    with pytest.raises(TypeError, match="driver"):
        tulipa.EventLoop(wrong)


def test_program_is_told_of_an_unknown_name_in_one_line():
    child = run_source("import tulipa; tulipa.EventLoop()", TULIPA_DRIVER="eppoll")
    assert child.returncode == 1
    assert "eppoll" in child.stderr.splitlines()[-1] and "epoll" in child.stderr.splitlines()[-1]


def test_loop_over_a_selector_of_ones_own():
    selector = selectors.SelectSelector()
    loop = tulipa.EventLoop(selector)
    assert loop.driver_name == "selectors" and loop._driver._selector is selector
    loop.close()
    loop = tulipa.EventLoop(selector=selectors.PollSelector())
    assert loop.run_until_complete(asyncio.sleep(0, 5)) == 5
    loop.close()
