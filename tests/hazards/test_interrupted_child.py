"""KeyboardInterrupt and SystemExit leave the loop from each callback of a child's protocol; it goes on after that."""

import pytest
from helpers.children import ChildRecorder, is_reaped


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("moment", ["made", "data", "pipe 1 lost", "exited"])
def test_goes_on(loop, moment, exception):
    class Interrupted(ChildRecorder):
        def note(self, event):
            super().note(event)
            if event == moment:
                raise exception

    protocol = Interrupted()
    starting = loop.create_task(loop.subprocess_exec(lambda: protocol, "echo", "x", stdin=None, stderr=None))
    with pytest.raises(exception):
        loop.run_forever()
    transport, _ = loop.run_until_complete(starting)
    assert loop.run_until_complete(protocol.lost()) is None
    assert sorted(protocol.events) == ["data", "exited", "lost", "made", "pipe 1 lost"]
    assert is_reaped(transport.get_pid())
    transport.close()
