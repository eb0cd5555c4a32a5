"""The set of small numbers equals a set of integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tulipa._core.number_set import NumberSet

NUMBERS = st.integers(0, 40) | st.integers(1000, 1010)


@given(st.lists(st.tuples(st.booleans(), NUMBERS)))
def test_it_holds_what_a_set_holds(steps):
    ours, model = NumberSet(), set()
    for adding, number in steps:
        for each in (ours, model):
            (each.add if adding else each.discard)(number)
        assert ours.has(number) is (number in model)
    assert [number for number in range(1100) if ours.has(number)] == sorted(model)


@pytest.mark.parametrize("number", [-1, -100, 10**6])
def test_what_was_never_there(number):
    numbers = NumberSet()
    numbers.add(5)
    assert not numbers.has(number)
    numbers.discard(number)
    assert numbers.has(5)
