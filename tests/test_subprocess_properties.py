"""Whatever is done to children, in whatever order: each is told to have ended once, is reaped, and leaves nothing."""

import asyncio
import contextlib

from helpers.accounting import LoopAudit
from helpers.cases import cases
from helpers.children import DEVNULL, PIPE, ChildRecorder, is_reaped
from hypothesis import given, settings
from hypothesis import strategies as st

COMMANDS = st.sampled_from(["true", "exit 3", "cat", "echo out; echo err >&2", "head -c 300000 /dev/zero; exec cat"])
ACTIONS = st.sampled_from(["kill", "terminate", "close", "write", "end", "pause", "resume"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("start"), COMMANDS, st.sampled_from([None, PIPE, DEVNULL]), st.integers(0, 3)),
        st.tuples(ACTIONS, st.integers(0, 9)),
        st.tuples(st.just("turns"), st.integers(1, 5)),
    ),
    max_size=12,
)


class Children:
    """The children of one example."""

    def __init__(self, loop):
        self.loop = loop
        self.protocols = []

    def new(self):
        protocol = ChildRecorder()
        self.protocols.append(protocol)
        return protocol

    async def start(self, command, stream, patience):
        """Start one; give up after so many turns."""
        task = self.loop.create_task(
            self.loop.subprocess_shell(self.new, command, stdin=PIPE, stdout=PIPE, stderr=stream)
        )
        for _ in range(patience):
            await asyncio.sleep(0)
        if patience < 3:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def do(self, action, index):
        """Do something to one of them, whatever state it is in."""
        if not self.protocols:
            return
        transport = self.protocols[index % len(self.protocols)].transport
        stdin, stdout = transport.get_pipe_transport(0), transport.get_pipe_transport(1)
        with contextlib.suppress(ProcessLookupError):
            if action == "write":
                stdin.write(b"x" * 100_000)
            elif action == "end":
                stdin.write_eof()
            elif action in ("pause", "resume"):
                getattr(stdout, f"{action}_reading")()
            else:
                getattr(transport, action)()

    async def finish(self):
        for protocol in self.protocols:
            transport = protocol.transport
            transport.get_pipe_transport(0).close()
            transport.close()
            await protocol.lost()
            assert protocol.events[0] == "made"
            assert protocol.events.count("exited") == 1
            assert transport.get_returncode() in (0, 3, -9, -15)
            assert is_reaped(transport.get_pid())


async def play(loop, steps):
    children = Children(loop)
    for step, *values in steps:
        if step == "start":
            await children.start(*values)
        elif step == "turns":
            for _ in range(*values):
                await asyncio.sleep(0)
        else:
            children.do(step, *values)
    await children.finish()


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_each_child_ends_once(steps):
    for case in cases(std=False):
        audit = LoopAudit()
        loop = case()
        audit.watch(loop)
        errors = []
        loop.set_exception_handler(lambda _, context, errors=errors: errors.append(context))
        loop.run_until_complete(play(loop, steps))
        assert audit.finish() == []
        assert errors == []
