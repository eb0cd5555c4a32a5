"""A child is started while descriptors run out: it works without a pidfd, or fails and leaves nothing."""

import os

import pytest
from helpers.children import DEVNULL, ChildRecorder, is_reaped
from helpers.running import on_loop
from helpers.streams import no_descriptors_left, nothing_left

pytestmark = pytest.mark.tulipa_only


@pytest.mark.parametrize("free", range(12))
@on_loop
async def test_few_descriptors(loop, free):
    async with nothing_left(loop):
        with no_descriptors_left() as held:
            for _ in range(free):
                os.close(held.pop())
            try:
                transport, protocol = await loop.subprocess_exec(ChildRecorder, "true", stderr=DEVNULL)
            except OSError:
                assert free < 9
                return
            assert await protocol.lost() is None
        assert transport.get_returncode() == 0
        assert is_reaped(transport.get_pid())
        transport.close()
