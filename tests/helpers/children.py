"""Child processes for the tests: a protocol that records, and looks at what the system knows of children."""

import asyncio
import contextlib
import os

from helpers.streams import Journal

PIPE, DEVNULL, STDOUT = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL, asyncio.subprocess.STDOUT


class ChildRecorder(Journal, asyncio.SubprocessProtocol):
    """Events: made, data, pipe lost, exited, lost, pause, resume."""

    def __init__(self):
        super().__init__()
        self.transport = None
        self.data = {1: bytearray(), 2: bytearray()}
        self.pipe_errors = {}
        self.error = None

    def connection_made(self, transport):
        self.transport = transport
        self.note("made")

    def pipe_data_received(self, fd, data):
        self.data[fd] += data
        self.note("data")

    def pipe_connection_lost(self, fd, exc):
        self.pipe_errors[fd] = exc
        self.note(f"pipe {fd} lost")

    def process_exited(self):
        self.note("exited")

    def connection_lost(self, exc):
        self.error = exc
        self.note("lost")

    def pause_writing(self):
        self.note("pause")

    def resume_writing(self):
        self.note("resume")

    async def lost(self):
        await self.saw("lost")
        assert self.events.count("lost") == 1
        assert self.events[-1] == "lost"
        return self.error


@contextlib.asynccontextmanager
async def running(loop, *program, **options):
    """(transport, protocol) of a child; it is killed and reaped by the end of the block."""
    transport, protocol = await loop.subprocess_exec(ChildRecorder, *program, **options)
    try:
        yield transport, protocol
    finally:
        transport.close()
        await protocol.lost()


def is_reaped(pid):
    """Whether the system has forgotten that child of ours: it has ended, and its status was taken."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def has_ended(pid):
    """Wait, without the loop, until that child has ended; its status is left where it is."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
