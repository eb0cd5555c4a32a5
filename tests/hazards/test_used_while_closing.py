"""What a closing loop drops has finalizers, and they use the loop: stop it, close it, cancel what it drops next."""

import gc

from helpers.accounting import open_descriptors


class Meddler:
    """Its finalizer does something; its method is a callback."""

    def __init__(self, act):
        self._act = act

    def __call__(self):
        raise AssertionError("a closed loop calls nothing")

    def __del__(self):
        self._act()


def close_with(loop, make_act):
    """Close the loop with meddlers in every place that it keeps callbacks in; how many acted."""
    acted = []

    def act():
        make_act()
        acted.append(None)

    loop.call_soon(Meddler(act))
    loop.call_soon_threadsafe(Meddler(act))
    loop.call_later(1000, Meddler(act))
    loop.call_later(2000, Meddler(act))
    loop.close()
    gc.collect()
    return len(acted)


def test_stop_and_close_again(loop_factory):
    before = open_descriptors()
    loop = loop_factory()

    def use():
        assert loop.is_closed() and not loop.is_running()
        loop.stop()
        loop.close()

    assert close_with(loop, use) == 4
    assert open_descriptors() == before


def test_scheduling_is_refused(loop_factory):
    loop = loop_factory()
    refused = []

    def schedule():
        for method in (loop.call_soon, loop.call_soon_threadsafe):
            try:
                method(print)
            except RuntimeError as error:
                refused.append(str(error))

    assert close_with(loop, schedule) == 4
    assert refused == ["Event loop is closed"] * 8


def test_cancelling_what_is_dropped_next(loop_factory):
    loop = loop_factory()
    handles = [loop.call_later(500 + number, print) for number in range(10)]
    handles += [loop.call_soon(print), loop.call_soon_threadsafe(print)]

    def cancel():
        for handle in handles:
            handle.cancel()

    assert close_with(loop, cancel) == 4


def test_stop_of_a_closed_loop_does_not_reach_the_next_one(loop_factory):
    """The finalizers of one loop run while another one does."""
    first, second = loop_factory(), loop_factory()
    order = []
    first.call_soon(Meddler(first.stop))
    second.call_soon(first.close)
    second.call_soon(order.append, "same turn")
    second.call_later(0.001, second.stop)
    second.call_later(0.0005, order.append, "later")
    second.run_forever()
    second.close()
    assert order == ["same turn", "later"]
