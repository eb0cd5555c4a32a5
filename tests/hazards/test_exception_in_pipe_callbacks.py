"""A callback of a pipe's protocol raises: it is reported once, and the pipe is closed whatever comes."""

import pytest
from helpers.pipes import reading, writing
from helpers.running import on_loop, turns
from helpers.streams import BufferedRecorder, Recorder


class Oops(Exception):
    pass


def failing_in(event, kind=Recorder):
    """A protocol that raises once, at its first event of that name."""

    class Failing(kind):
        def note(self, happened):
            super().note(happened)
            if happened == event and self.events.count(event) == 1:
                raise Oops(event)

    return Failing()


def the_only_error(loop_errors):
    (context,) = loop_errors
    loop_errors.clear()
    assert type(context["exception"]) is Oops
    return context["exception"]


@pytest.mark.tulipa_only  # the standard loop goes on after data that its protocol could not take
@pytest.mark.parametrize("kind", [Recorder, BufferedRecorder])
@pytest.mark.parametrize("event", ["data", "eof"])
@on_loop
async def test_failing_to_read_ends_it(loop, loop_errors, event, kind):
    async with reading(loop, protocol=failing_in(event, kind)) as (_, protocol, writer):
        writer.write(b"data")
        writer.close()
        assert await protocol.lost() is the_only_error(loop_errors)
        assert protocol.events in (["made", "data", "lost"], ["made", "data", "eof", "lost"])


@pytest.mark.parametrize("direction", [reading, writing])
@on_loop
async def test_connection_made(loop, loop_errors, direction):
    async with direction(loop, protocol=failing_in("made")) as (transport, protocol, _):
        the_only_error(loop_errors)
        transport.close()
        assert await protocol.lost() is None


@pytest.mark.parametrize("direction", [reading, writing])
@on_loop
async def test_connection_lost(loop, loop_errors, direction):
    async with direction(loop, protocol=failing_in("lost")) as (transport, protocol, _):
        pipe = transport.get_extra_info("pipe")
        transport.close()
        await protocol.saw("lost")
        await turns(2)
        assert pipe.closed
        the_only_error(loop_errors)
