"""Up to Python 3.11 any object that is made may set off the collector, and so code that uses the same future."""

import collections
import gc
import itertools

import pytest
from helpers.accounting import turn

FUTURES = 2000  # more than there are spare objects in store, so that new ones are made


class Use:
    """Adds callbacks to many futures and removes some; at one of the collections in between, another for each, `act`.

    None may be lost, and none called twice.
    """

    def __init__(self, loop, act):
        self._loop = loop
        self._act = act
        self._futures = [loop.create_future() for _ in range(FUTURES)]
        self._called = collections.Counter()
        self._expected = collections.Counter()
        self._numbers = itertools.count()
        self._collections = 0  # until the one at which `act` is called

    def run(self):
        threshold = gc.get_threshold()
        in_use = [[] for _ in range(1000)]  # of the lists that Python keeps in store none is left
        gc.callbacks.append(self._collecting)
        gc.set_threshold(1)
        try:
            for number, self.future in enumerate(self._futures):
                self._collections = number % 20
                self._use()
        finally:
            gc.set_threshold(*threshold)
            gc.callbacks.remove(self._collecting)
        for future in self._futures:
            if not future.done():
                future.set_result(None)
        turn(self._loop, 2)
        assert self._called == +self._expected
        assert in_use

    def _collecting(self, phase, _info):
        self._collections -= phase == "start"
        if phase == "start" and self._collections == 0:
            self._act(self)

    def _use(self):
        self.first, second = self.add("first"), self.add("second")
        self.add("third")
        self.remove(second)
        self.remove(self.first)

    def add(self, name):
        def callback(_future):
            self._called[key] += 1

        key = callback.key = (next(self._numbers), name)
        self._expected[key] += 1
        self.future.add_done_callback(callback)
        return callback

    def remove(self, callback):
        removed = self.future.remove_done_callback(callback)
        self._expected[callback.key] -= removed


def add(use):
    use.add("fourth")


def remove(use):
    use.remove(use.first)


def end(use):
    use.future.set_result(None)


@pytest.mark.std_since(3, 12)  # before, the standard library's futures lose callbacks
@pytest.mark.parametrize("act", [add, remove, end])
def test_no_callback_is_lost_nor_called_twice(loop, act):
    Use(loop, act).run()
