"""A second event loop, small and slow, written from PEP 3156's text: what runs on it needs a conforming loop, no more.

Beyond the PEP it has what later ones ask of loops: `context` (PEP 567) and the finalizer of PEP 525. It takes the
classes of what `create_future` and `create_task` make. Left out, as the PEP allows: signals, pipes and subprocesses;
and TLS and datagrams, for which no test asks.
"""

import asyncio
import collections
import concurrent.futures
import contextvars
import heapq
import itertools
import selectors
import socket
import sys
import time
import traceback

from helpers.small_transport import SmallServer, SmallTransport


class SmallHandle:
    """The registration of a callback: opaque, with one public method."""

    def __init__(self, loop, callback, args, context):
        self._loop, self._callback, self._args = loop, callback, args
        self._context = contextvars.copy_context() if context is None else context

    def cancel(self):
        self._callback = None

    def _run(self):
        if self._callback is not None:
            try:
                self._context.run(self._callback, *self._args)
            except Exception as error:
                self._loop.call_exception_handler({"message": "a callback failed", "exception": error, "handle": self})


class SmallLoop(asyncio.AbstractEventLoop):
    def __init__(self, future_class, task_class):
        self._future_class, self._task_class = future_class, task_class
        self._task_factory = self._executor = self._handler = None
        self._ready = collections.deque()
        self._timers, self._order = [], itertools.count()
        self._selector = selectors.DefaultSelector()
        self._running = self._stopping = self._closed = self._debug = False
        self._woken, self._waking = socket.socketpair()
        for sock in (self._woken, self._waking):
            sock.setblocking(False)
        self.add_reader(self._woken, lambda: self._woken.recv(4096))

    # --- Starting, Stopping and Closing ----------------------------------------------------------

    def run_forever(self):
        self._check_open()
        if self._running or asyncio._get_running_loop() is not None:
            raise RuntimeError("an event loop runs in this thread already")
        self._running = True
        asyncio._set_running_loop(self)
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(finalizer=lambda generator: self.call_soon(self.create_task, generator.aclose()))
        try:
            while not self._stopping:
                self._turn()
        finally:
            self._running = self._stopping = False
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)

    def run_until_complete(self, future):
        self._check_open()
        future = asyncio.ensure_future(future, loop=self)
        future.add_done_callback(self._stop_for)
        try:
            self.run_forever()
        finally:
            future.remove_done_callback(self._stop_for)
        if not future.done():
            raise RuntimeError("the loop was stopped before the future was done")
        return future.result()

    def _stop_for(self, future):
        self.stop()

    def stop(self):
        self._stopping = True

    def is_running(self):
        return self._running

    def is_closed(self):
        return self._closed

    def close(self):
        if self._running:
            raise RuntimeError("a running loop can't be closed")
        if not self._closed:
            self._closed = True
            self._selector.close()
            self._woken.close()
            self._waking.close()
            if self._executor is not None:
                self._executor.shutdown()

    def _check_open(self):
        if self._closed:
            raise RuntimeError("the loop is closed")

    def _turn(self):
        """Wait until something is ready, then run what is, no more."""
        timeout = None
        if self._ready:
            timeout = 0
        elif self._timers:
            timeout = max(0, self._timers[0][0] - self.time())
        for key, events in self._selector.select(timeout):
            for event, handle in key.data.items():
                if events & event:
                    self._ready.append(handle)
        while self._timers and self._timers[0][0] <= self.time():
            self._ready.append(heapq.heappop(self._timers)[2])
        for _ in range(len(self._ready)):
            self._ready.popleft()._run()

    # --- Basic Callbacks, Thread interaction ------------------------------------------------------

    def call_soon(self, callback, *args, context=None):
        self._check_open()
        handle = SmallHandle(self, callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        self._check_open()
        handle = SmallHandle(self, callback, args, context)
        heapq.heappush(self._timers, (when, next(self._order), handle))
        return handle

    def time(self):
        return time.monotonic()

    def call_soon_threadsafe(self, callback, *args, context=None):
        handle = self.call_soon(callback, *args, context=context)
        self._waking.send(b"w")
        return handle

    def run_in_executor(self, executor, callback, *args):
        if executor is None:
            if self._executor is None:
                self._executor = concurrent.futures.ThreadPoolExecutor(2)
            executor = self._executor
        return asyncio.wrap_future(executor.submit(callback, *args), loop=self)

    def set_default_executor(self, executor):
        self._executor = executor

    # --- Internet name lookups --------------------------------------------------------------------

    async def getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0):
        return await self.run_in_executor(None, socket.getaddrinfo, host, port, family, type, proto, flags)

    async def getnameinfo(self, sockaddr, flags=0):
        return await self.run_in_executor(None, socket.getnameinfo, sockaddr, flags)

    # --- Internet connections ---------------------------------------------------------------------

    async def create_connection(self, protocol_factory, host=None, port=None, *, family=0, proto=0, flags=0, sock=None):
        if sock is None:
            infos = await self.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, proto=proto, flags=flags)
            sock = socket.socket(*infos[0][:3])
            sock.setblocking(False)
            await self.sock_connect(sock, infos[0][4])
        protocol = protocol_factory()
        return SmallTransport(self, sock, protocol), protocol

    async def create_server(self, protocol_factory, host=None, port=None, *, sock=None, backlog=100):
        if sock is None:
            sock = socket.create_server((host, port), backlog=backlog)
        sock.setblocking(False)
        return SmallServer(self, sock, protocol_factory)

    # --- I/O Callbacks ----------------------------------------------------------------------------

    def add_reader(self, fd, callback, *args):
        self._watch(fd, selectors.EVENT_READ, SmallHandle(self, callback, args, None))

    def add_writer(self, fd, callback, *args):
        self._watch(fd, selectors.EVENT_WRITE, SmallHandle(self, callback, args, None))

    def remove_reader(self, fd):
        return self._unwatch(fd, selectors.EVENT_READ)

    def remove_writer(self, fd):
        return self._unwatch(fd, selectors.EVENT_WRITE)

    def _watch(self, fd, event, handle):
        self._unwatch(fd, event)
        handles = dict(self._handles_of(fd))
        handles[event] = handle
        self._register(fd, handles)

    def _unwatch(self, fd, event):
        handles = dict(self._handles_of(fd))
        handle = handles.pop(event, None)
        if handle is not None:
            handle.cancel()
            self._register(fd, handles)
        return handle is not None

    def _handles_of(self, fd):
        key = self._selector.get_map().get(fd)
        return {} if key is None else key.data

    def _register(self, fd, handles):
        if fd in self._selector.get_map():
            self._selector.unregister(fd)
        if handles:
            self._selector.register(fd, sum(handles), handles)

    # --- Wrapped Socket Methods -------------------------------------------------------------------

    async def sock_recv(self, sock, n):
        return await self._when_ready(self.add_reader, self.remove_reader, sock, lambda: sock.recv(n))

    async def sock_sendall(self, sock, data):
        while data:
            sent = await self._when_ready(self.add_writer, self.remove_writer, sock, lambda: sock.send(data))
            data = data[sent:]

    async def sock_connect(self, sock, address):
        try:
            return sock.connect(address)
        except BlockingIOError:
            await self._when_ready(self.add_writer, self.remove_writer, sock, sock.getpeername)

    async def sock_accept(self, sock):
        conn, peer = await self._when_ready(self.add_reader, self.remove_reader, sock, sock.accept)
        conn.setblocking(False)
        return conn, peer

    async def _when_ready(self, add, remove, sock, attempt):
        while True:
            ready = self.create_future()
            add(sock, lambda: ready.done() or ready.set_result(None))
            try:
                await ready
            finally:
                remove(sock)
            try:
                return attempt()
            except BlockingIOError:
                pass

    # --- Tasks and futures support ----------------------------------------------------------------

    def create_future(self):
        return self._future_class(loop=self)

    def create_task(self, coroutine, **options):
        self._check_open()
        if self._task_factory is not None:
            return self._task_factory(self, coroutine, **options)
        return self._task_class(coroutine, loop=self, **options)

    def set_task_factory(self, factory):
        self._task_factory = factory

    def get_task_factory(self):
        return self._task_factory

    # --- Error handling, Debug mode ---------------------------------------------------------------

    def get_exception_handler(self):
        return self._handler

    def set_exception_handler(self, handler):
        self._handler = handler

    def default_exception_handler(self, context):
        print(context.get("message"), file=sys.stderr)
        if context.get("exception") is not None:
            traceback.print_exception(context["exception"])

    def call_exception_handler(self, context):
        if self._handler is None:
            self.default_exception_handler(context)
        else:
            self._handler(self, context)

    def get_debug(self):
        return self._debug

    def set_debug(self, enabled):
        self._debug = enabled
