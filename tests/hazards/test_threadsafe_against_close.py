"""call_soon_threadsafe from other threads while the loop is being closed: it is refused or dropped, and all ends."""

import gc
import threading
import weakref

import pytest
from helpers.accounting import open_descriptors

CALLERS = 2


class Token:
    """Something to be freed with the callback that refers to it."""

    def call(self):
        pass


def post_until_closed(loop, started, outcomes):
    """Post without a pause; how it ended goes to the outcomes."""
    started.set()
    try:
        while True:
            loop.call_soon_threadsafe(Token().call)
    except RuntimeError as error:
        outcomes.append(str(error))


def test_posting_while_it_closes(loop_factory):
    before = open_descriptors()
    for _ in range(5):
        loop, outcomes = loop_factory(), []
        events = [threading.Event() for _ in range(CALLERS)]
        threads = [threading.Thread(target=post_until_closed, args=(loop, event, outcomes)) for event in events]
        for thread in threads:
            thread.start()
        for event in events:
            event.wait()
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        for thread in threads:
            thread.join()
        assert outcomes == ["Event loop is closed"] * CALLERS
    assert open_descriptors() == before


@pytest.mark.tulipa_only  # a standard loop's queue keeps what came too late until the loop itself is freed
def test_what_was_posted_and_not_called_is_freed(loop_factory):
    loop, token = loop_factory(), Token()
    loop.call_soon_threadsafe(token.call)
    freed = weakref.ref(token)
    del token
    loop.close()
    gc.collect()
    assert freed() is None


def test_the_thread_that_runs_it_closes_while_others_post(loop_factory):
    """The loop stops itself and is closed in its own thread; the main thread posts until it is refused."""
    loop, ready, outcomes = loop_factory(), threading.Event(), []

    def run():
        loop.call_soon(ready.set)
        loop.call_later(0.01, loop.stop)
        loop.run_forever()
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    post_until_closed(loop, ready, outcomes)
    thread.join()
    assert outcomes == ["Event loop is closed"]
