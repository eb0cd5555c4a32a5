"""A callback that says that it is equal to nothing is still the one that was added: identity comes first."""

from helpers.accounting import turn


def test_remove_finds_what_differs_from_everything(loop):
    future = loop.create_future()

    class Unequal:
        def __eq__(self, other):
            return False

        def __call__(self, future):
            raise AssertionError("it was removed")

    unequal = Unequal()
    future.add_done_callback(unequal)
    assert future.remove_done_callback(Unequal()) == 0
    assert future.remove_done_callback(unequal) == 1
    future.set_result(None)
    turn(loop)
