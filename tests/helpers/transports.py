"""A transport without a connection, for protocols and readers that are fed by hand."""

import asyncio


class FakeTransport(asyncio.Transport):
    """Remembers what it was told, in order."""

    def __init__(self, pausable=True):
        super().__init__()
        self.calls = []
        self.closing = False
        self._pausable = pausable

    def pause_reading(self):
        self.calls.append("pause")
        if not self._pausable:
            raise NotImplementedError

    def resume_reading(self):
        self.calls.append("resume")

    def write(self, data):
        self.calls.append(bytes(data))

    def close(self):
        self.calls.append("close")
        self.closing = True

    def is_closing(self):
        return self.closing
