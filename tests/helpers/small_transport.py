"""The stream transport and the server of the small event loop, from PEP 3156's text."""

import asyncio


class SmallTransport(asyncio.Transport):
    def __init__(self, loop, sock, protocol):
        super().__init__({"socket": sock, "peername": sock.getpeername(), "sockname": sock.getsockname()})
        self._loop, self._sock, self._protocol = loop, sock, protocol
        self._buffer, self._limits = bytearray(), (65536, 16384)
        self._closing = self._paused = self._eof = self._lost = False
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self.resume_reading)

    def get_protocol(self):
        return self._protocol

    def set_protocol(self, protocol):
        self._protocol = protocol

    # --- reading -----------------------------------------------------------------------------------

    def pause_reading(self):
        self._loop.remove_reader(self._sock)

    def resume_reading(self):
        if not self._closing:
            self._loop.add_reader(self._sock, self._read)

    def _read(self):
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if data:
            self._protocol.data_received(data)
            return
        self._loop.remove_reader(self._sock)
        if not self._protocol.eof_received():
            self.close()

    # --- writing -----------------------------------------------------------------------------------

    def write(self, data):
        if self._eof:
            raise RuntimeError("write() after write_eof()")
        if not self._closing:
            self._buffer += data
            self._loop.add_writer(self._sock, self._send)
            if not self._paused and len(self._buffer) > self._limits[0]:
                self._paused = True
                self._protocol.pause_writing()

    def writelines(self, lines):
        for data in lines:
            self.write(data)

    def write_eof(self):
        if not self._eof:
            self._eof = True
            self._loop.add_writer(self._sock, self._send)

    def can_write_eof(self):
        return True

    def get_write_buffer_size(self):
        return len(self._buffer)

    def set_write_buffer_limits(self, high=None, low=None):
        high = 65536 if high is None else high
        self._limits = (high, high // 4 if low is None else low)

    def _send(self):
        try:
            sent = self._sock.send(self._buffer) if self._buffer else 0
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        del self._buffer[:sent]
        if self._paused and len(self._buffer) <= self._limits[1]:
            self._paused = False
            self._protocol.resume_writing()
        if not self._buffer:
            self._loop.remove_writer(self._sock)
            if self._closing:
                self._lose(None)
            elif self._eof:
                self._sock.shutdown(1)

    # --- the end -----------------------------------------------------------------------------------

    def is_closing(self):
        return self._closing

    def close(self):
        if not self._closing:
            self._closing = True
            self._loop.remove_reader(self._sock)
            if not self._buffer:
                self._lose(None)

    def abort(self):
        self._lose(None)

    def _lose(self, error):
        self._closing = True
        if not self._lost:
            self._lost = True
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._loop.call_soon(self._call_lost, error)

    def _call_lost(self, error):
        try:
            self._protocol.connection_lost(error)
        finally:
            self._sock.close()


class SmallServer(asyncio.AbstractServer):
    def __init__(self, loop, sock, protocol_factory):
        self._loop, self._factory = loop, protocol_factory
        self.sockets = [sock]
        loop.add_reader(sock, self._accept)

    def _accept(self):
        conn, _ = self.sockets[0].accept()
        conn.setblocking(False)
        SmallTransport(self._loop, conn, self._factory())

    def close(self):
        for sock in self.sockets:
            self._loop.remove_reader(sock)
            sock.close()
        self.sockets = []

    async def wait_closed(self):
        await asyncio.sleep(0)
