# asyncio as of Python 3.15, for every Python: see tulipa/__init__.pyi.

# ruff: noqa: F403, F405
import sys
from asyncio import base_futures as base_futures
from asyncio import base_subprocess as base_subprocess
from asyncio import base_tasks as base_tasks
from asyncio import constants as constants
from asyncio import coroutines as coroutines
from asyncio import exceptions as exceptions
from asyncio import format_helpers as format_helpers
from asyncio import log as log
from asyncio import mixins as mixins
from asyncio import protocols as protocols
from asyncio import transports as transports
from asyncio import trsock as trsock
from asyncio.coroutines import *
from asyncio.exceptions import *
from asyncio.protocols import *
from asyncio.transports import *

from tulipa.asyncio import base_events as base_events
from tulipa.asyncio import events as events
from tulipa.asyncio import futures as futures
from tulipa.asyncio import graph as graph
from tulipa.asyncio import locks as locks
from tulipa.asyncio import queues as queues
from tulipa.asyncio import runners as runners
from tulipa.asyncio import selector_events as selector_events
from tulipa.asyncio import sslproto as sslproto
from tulipa.asyncio import staggered as staggered
from tulipa.asyncio import streams as streams
from tulipa.asyncio import subprocess as subprocess
from tulipa.asyncio import taskgroups as taskgroups
from tulipa.asyncio import tasks as tasks
from tulipa.asyncio import threads as threads
from tulipa.asyncio import timeouts as timeouts
from tulipa.asyncio import unix_events as unix_events
from tulipa.asyncio.base_events import *
from tulipa.asyncio.events import *
from tulipa.asyncio.futures import *
from tulipa.asyncio.graph import *
from tulipa.asyncio.locks import *
from tulipa.asyncio.queues import *
from tulipa.asyncio.runners import *
from tulipa.asyncio.streams import *
from tulipa.asyncio.subprocess import *
from tulipa.asyncio.taskgroups import *
from tulipa.asyncio.tasks import *
from tulipa.asyncio.threads import *
from tulipa.asyncio.timeouts import *
from tulipa.asyncio.unix_events import *

# What only the running version's asyncio has.
if sys.version_info < (3, 14):
    from asyncio import AbstractChildWatcher as AbstractChildWatcher
    from asyncio import AbstractEventLoopPolicy as AbstractEventLoopPolicy
    from asyncio import FastChildWatcher as FastChildWatcher
    from asyncio import MultiLoopChildWatcher as MultiLoopChildWatcher
    from asyncio import PidfdChildWatcher as PidfdChildWatcher
    from asyncio import SafeChildWatcher as SafeChildWatcher
    from asyncio import ThreadedChildWatcher as ThreadedChildWatcher
    from asyncio import get_child_watcher as get_child_watcher
    from asyncio import set_child_watcher as set_child_watcher


__all__ = (
    "BaseEventLoop",
    "Server",
    "iscoroutinefunction",
    "iscoroutine",
    "AbstractEventLoop",
    "AbstractServer",
    "Handle",
    "TimerHandle",
    "get_event_loop_policy",
    "set_event_loop_policy",
    "get_event_loop",
    "set_event_loop",
    "new_event_loop",
    "_set_running_loop",
    "get_running_loop",
    "_get_running_loop",
    "BrokenBarrierError",
    "CancelledError",
    "InvalidStateError",
    "TimeoutError",
    "IncompleteReadError",
    "LimitOverrunError",
    "SendfileNotAvailableError",
    "Future",
    "wrap_future",
    "isfuture",
    "future_discard_from_awaited_by",
    "future_add_to_awaited_by",
    "capture_call_graph",
    "format_call_graph",
    "print_call_graph",
    "FrameCallGraphEntry",
    "FutureCallGraph",
    "Lock",
    "Event",
    "Condition",
    "Semaphore",
    "BoundedSemaphore",
    "Barrier",
    "BaseProtocol",
    "Protocol",
    "DatagramProtocol",
    "SubprocessProtocol",
    "BufferedProtocol",
    "Queue",
    "PriorityQueue",
    "LifoQueue",
    "QueueFull",
    "QueueEmpty",
    "QueueShutDown",
    "Runner",
    "run",
    "StreamReader",
    "StreamWriter",
    "StreamReaderProtocol",
    "open_connection",
    "start_server",
    "open_unix_connection",
    "start_unix_server",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "TaskGroup",
    "Task",
    "create_task",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "ALL_COMPLETED",
    "wait",
    "wait_for",
    "as_completed",
    "sleep",
    "gather",
    "shield",
    "ensure_future",
    "run_coroutine_threadsafe",
    "current_task",
    "all_tasks",
    "create_eager_task_factory",
    "eager_task_factory",
    "_register_task",
    "_unregister_task",
    "_enter_task",
    "_leave_task",
    "to_thread",
    "Timeout",
    "timeout",
    "timeout_at",
    "BaseTransport",
    "ReadTransport",
    "WriteTransport",
    "Transport",
    "DatagramTransport",
    "SubprocessTransport",
    "SelectorEventLoop",
    "_DefaultEventLoopPolicy",
    "EventLoop",
)
