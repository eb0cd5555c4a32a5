"""EventLoop: says which room does what."""

import asyncio
import importlib
import weakref
from collections.abc import Callable
from selectors import BaseSelector
from types import FunctionType
from typing import TYPE_CHECKING

from tulipa._core.native import own_methods
from tulipa._core.scheduler import Scheduler
from tulipa._drivers import make_driver
from tulipa._drivers.base import Driver
from tulipa._ops import errors, forking, generators, running, signals

if TYPE_CHECKING:
    from tulipa._transports.endpoint import Endpoint


class _Later:
    """A method whose service is imported when somebody first asks for it: no program needs them all.

    It passes for the function itself to whoever finds it in the class's dictionary, as unittest.mock does.
    """

    def __init__(self, service):
        self._service = service

    def __set_name__(self, owner, name):
        self._owner = owner
        self._name = name

    def __get__(self, loop, kind=None):
        function = self._function()
        # All of the service: when the interpreter ends, remove_reader() can't be imported after add_reader() any more.
        for value in list(vars(self._owner).values()):
            if type(value) is _Later and value._service == self._service:
                setattr(self._owner, value._name, value._function())
        return function.__get__(loop, kind)

    def __call__(self, *args, **kwargs):
        return self._function()(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self._function(), name)

    def __reduce__(self):
        # Copies and pickles are of the function, as its own are.
        return getattr, (self._owner, self._name)

    @property
    def __class__(self):
        return FunctionType

    def _function(self):
        return getattr(importlib.import_module(f"tulipa._ops.{self._service}"), self._name)


@own_methods
class EventLoop(Scheduler, asyncio.AbstractEventLoop):  # type: ignore[misc]  # the .pxd has the scheduler's types
    """An asyncio event loop.

    `driver` is what waits for the outside world: "epoll", "selectors", "virtual", a Driver or a selector of your own
    (closed with the loop), or None for the environment's TULIPA_DRIVER, else for the best of the platform; `selector`
    is asyncio's name for it. Each transport reads and writes through ``wrap_endpoint(endpoint)`` where that is given;
    `tulipa.testing` has some that inject faults. Raises ValueError for an unknown driver, OSError where it can't be
    had here.
    """

    # Not in a dictionary: from Python 3.13 on, a method such as call_soon is found at once in an instance without one.
    __slots__ = (
        "_default_executor",
        "_exception_handler",
        "_executor_shut_down",
        "_generators",
        "_generators_shut_down",
        "_origin_depth_before",
        "_signal_handlers",
        "_wake_up_before",
        "_why_not_here",
    )

    def __init__(
        self,
        driver: str | Driver | BaseSelector | None = None,
        *,
        selector: BaseSelector | None = None,
        wrap_endpoint: "Callable[[Endpoint], Endpoint] | None" = None,
    ) -> None:
        driver = selector if driver is None else driver
        Scheduler.__init__(self, make_driver(driver))
        running.notice_replaced(self)
        self._wrap_endpoint = wrap_endpoint
        self._exception_handler = None
        self._default_executor = None
        self._executor_shut_down = False
        self._generators: weakref.WeakSet = weakref.WeakSet()
        self._generators_shut_down = False
        self._signal_handlers: dict = {}
        self._wake_up_before: int | None = None
        self._why_not_here: str | None = None
        self._origin_depth_before = None
        self.set_debug(asyncio.coroutines._is_debug_mode())  # type: ignore[attr-defined]
        forking.remember(self)

    @property
    def driver_name(self) -> str:
        """The name of the driver that this loop waits by."""
        return self._driver.name

    # The scheduler has: call_soon, call_soon_threadsafe, call_later, call_at, time, create_future, create_task,
    # set_task_factory, get_task_factory, get_debug, is_running.

    # Its life.
    run_forever = running.run_forever
    run_until_complete = running.run_until_complete
    stop = running.stop
    is_closed = running.is_closed
    close = running.close
    set_debug = running.set_debug
    shutdown_asyncgens = generators.shutdown_asyncgens
    __repr__ = running.describe
    __del__ = running.warn_unclosed

    # Errors that nobody is there to catch.
    get_exception_handler = errors.get_exception_handler
    set_exception_handler = errors.set_exception_handler
    default_exception_handler = errors.default_exception_handler
    call_exception_handler = errors.call_exception_handler

    # Threads and processes that work for it.
    run_in_executor = _Later("executors")
    set_default_executor = _Later("executors")
    shutdown_default_executor = _Later("executors")

    # Names and addresses.
    getaddrinfo = _Later("resolve")
    getnameinfo = _Later("resolve")

    # Streams of bytes.
    create_connection = _Later("connect")
    connect_accepted_socket = _Later("connect")
    create_server = _Later("serve")
    create_unix_connection = _Later("unix")
    create_unix_server = _Later("unix")
    start_tls = _Later("tls")

    # Files.
    sendfile = _Later("files")
    sock_sendfile = _Later("files")

    # Datagrams.
    create_datagram_endpoint = _Later("datagrams")

    # One direction of bytes.
    connect_read_pipe = _Later("pipes")
    connect_write_pipe = _Later("pipes")

    # Child processes.
    subprocess_exec = _Later("children")
    subprocess_shell = _Later("children")

    # Bare sockets and descriptors.
    sock_recv = _Later("sockets")
    sock_recv_into = _Later("sockets")
    sock_recvfrom = _Later("sockets")
    sock_recvfrom_into = _Later("sockets")
    sock_sendall = _Later("sockets")
    sock_sendto = _Later("sockets")
    sock_connect = _Later("sockets")
    sock_accept = _Later("sockets")
    add_reader = _Later("watch")
    remove_reader = _Later("watch")
    add_writer = _Later("watch")
    remove_writer = _Later("watch")

    # Signals.
    add_signal_handler = signals.add_signal_handler
    remove_signal_handler = signals.remove_signal_handler


def new_event_loop() -> EventLoop:
    """A new EventLoop, for whatever wants a function that makes one."""
    return EventLoop()


def import_services():
    """Import all services now, before something else stands in asyncio's place."""
    for value in list(vars(EventLoop).values()):
        if isinstance(value, _Later):
            value.__get__(None, EventLoop)
