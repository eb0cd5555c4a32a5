"""Parity audit: tulipa's asyncio has every public name of asyncio, with its signatures, properties and relations.

The reference is the standard library of the running version. Names newer than that stand in the table `NEWER`.
"""

import ast
import asyncio as standard
import importlib
import inspect
import pydoc
import types
import warnings
from pathlib import Path

import pytest

pytest.importorskip("tulipa")

from tulipa import asyncio as ours  # noqa: E402

# asyncio.__all__ of Python 3.15 on UNIX.
NEWEST = """
    BaseEventLoop Server iscoroutinefunction iscoroutine AbstractEventLoop AbstractServer Handle TimerHandle
    get_event_loop_policy set_event_loop_policy get_event_loop set_event_loop new_event_loop _set_running_loop
    get_running_loop _get_running_loop BrokenBarrierError CancelledError InvalidStateError TimeoutError
    IncompleteReadError LimitOverrunError SendfileNotAvailableError Future wrap_future isfuture
    future_discard_from_awaited_by future_add_to_awaited_by capture_call_graph format_call_graph print_call_graph
    FrameCallGraphEntry FutureCallGraph Lock Event Condition Semaphore BoundedSemaphore Barrier BaseProtocol Protocol
    DatagramProtocol SubprocessProtocol BufferedProtocol Runner run Queue PriorityQueue LifoQueue QueueFull QueueEmpty
    QueueShutDown StreamReader StreamWriter StreamReaderProtocol open_connection start_server open_unix_connection
    start_unix_server create_subprocess_exec create_subprocess_shell Task create_task FIRST_COMPLETED FIRST_EXCEPTION
    ALL_COMPLETED wait wait_for as_completed sleep gather shield ensure_future run_coroutine_threadsafe current_task
    all_tasks create_eager_task_factory eager_task_factory _register_task _unregister_task _enter_task _leave_task
    TaskGroup to_thread Timeout timeout timeout_at BaseTransport ReadTransport WriteTransport Transport
    DatagramTransport SubprocessTransport SelectorEventLoop _DefaultEventLoopPolicy EventLoop
""".split()

# What is newer than Python 3.11, or not told by it, with its signature.
NEWER = {
    "Future.add_done_callback": "(self, fn, /, *, context=None)",  # the standard library's tells nothing
    "EventLoop.create_task": "(self, coro, *, name=None, context=None, eager_start=None, **kwargs)",
    "Queue.shutdown": "(self, immediate=False)",
    "QueueShutDown": None,
    "Server.abort_clients": "(self)",
    "Server.close_clients": "(self)",
    "StreamReader.readuntil": "(self, separator=b'\\n')",
    "StreamWriter.start_tls":
        "(self, sslcontext, *, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None)",
    "TaskGroup.cancel": "(self)",
    "Task.get_context": "(self)",
    "capture_call_graph": "(future=None, /, *, depth=1, limit=None)",
    "create_eager_task_factory": "(custom_task_constructor)",
    "eager_task_factory": "(loop, coro, *, name=None, context=None, eager_start=True, **kwargs)",
    "format_call_graph": "(future=None, /, *, depth=1, limit=None)",
    "future_add_to_awaited_by": "(fut, waiter, /)",
    "future_discard_from_awaited_by": "(fut, waiter, /)",
    "print_call_graph": "(future=None, /, *, file=None, depth=1, limit=None)",
    "run": "(main, *, debug=None, loop_factory=None)",
}

MODULES = [
    name for name in """
    base_events base_futures base_subprocess base_tasks constants coroutines events exceptions format_helpers futures
    graph locks log mixins protocols queues runners selector_events sslproto staggered streams subprocess taskgroups
    tasks threads timeouts transports trsock unix_events
    """.split()
]  # fmt: skip

# Signatures that differ on purpose, each with why.
OTHERWISE = {
    "BaseEventLoop": "takes a driver, see test_loops_are_made_as_asyncios",
    "EventLoop": "takes a driver, see test_loops_are_made_as_asyncios",
    "SelectorEventLoop": "takes a driver, see test_loops_are_made_as_asyncios",
}


def standard_public():
    return sorted(set(standard.__all__) & set(NEWEST))


def public_members(kind):
    """Names that a class offers, beside those of object."""
    names = [name for name in dir(kind) if not name.startswith("_")]
    special = ("__await__", "__iter__", "__aiter__", "__anext__", "__aenter__", "__aexit__", "__enter__", "__exit__",
               "__class_getitem__")  # fmt: skip
    return names + [name for name in special if hasattr(kind, name)]


CLASSES = [name for name in standard_public() if isinstance(getattr(standard, name), type)]


def test_all_is_the_newest():
    assert sorted(ours.__all__) == sorted(NEWEST)
    assert len(set(ours.__all__)) == len(ours.__all__)
    assert [name for name in NEWEST if getattr(ours, name, None) is None] == []


def test_every_name_of_the_running_version_is_there():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert [name for name in standard.__all__ if not hasattr(ours, name)] == []


@pytest.mark.parametrize("name", MODULES)
def test_modules(name):
    module = importlib.import_module(f"tulipa.asyncio.{name}")
    assert getattr(ours, name) is module
    try:
        reference = importlib.import_module(f"asyncio.{name}")
    except ModuleNotFoundError:
        return
    missing = [name for name in vars(reference) if not hasattr(module, name)]
    assert missing == []
    public = getattr(reference, "__all__", ())
    assert set(public) & set(NEWEST) <= {*getattr(module, "__all__", ())}


def test_unknown_names():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ours.nonsense
    with pytest.raises(ImportError):
        importlib.import_module("tulipa.asyncio.nonsense")


VOCABULARY = [
    "AbstractEventLoop", "AbstractServer", "BrokenBarrierError", "CancelledError", "InvalidStateError", "TimeoutError",
    "IncompleteReadError", "LimitOverrunError", "SendfileNotAvailableError", "BaseProtocol", "Protocol",
    "DatagramProtocol", "SubprocessProtocol", "BufferedProtocol", "QueueFull", "QueueEmpty", "BaseTransport",
    "ReadTransport", "WriteTransport", "Transport", "DatagramTransport", "SubprocessTransport", "FIRST_COMPLETED",
    "FIRST_EXCEPTION", "ALL_COMPLETED", "current_task", "all_tasks", "get_running_loop", "_get_running_loop",
    "_set_running_loop", "_enter_task", "_leave_task", "_register_task", "_unregister_task", "isfuture", "iscoroutine",
]  # fmt: skip


@pytest.mark.parametrize("name", VOCABULARY)
def test_the_vocabulary_is_shared(name):
    assert getattr(ours, name) is getattr(standard, name)


def test_nothing_with_logic_is_the_standard_librarys():
    shared = {name for name in standard_public() if getattr(ours, name) is getattr(standard, name)}
    # An exception is vocabulary too, where the standard library has it.
    assert shared - set(VOCABULARY) - {"QueueShutDown"} == {"iscoroutinefunction"}


@pytest.mark.parametrize("name", CLASSES)
def test_members_of_classes(name):
    reference, kind = getattr(standard, name), getattr(ours, name)
    missing = [member for member in public_members(reference) if not hasattr(kind, member)]
    assert missing == []


@pytest.mark.parametrize("name", CLASSES)
def test_properties_of_classes(name):
    reference, kind = getattr(standard, name), getattr(ours, name)
    properties = [member for member, value in inspect.getmembers(reference) if isinstance(value, property)]
    assert [p for p in properties if not p.startswith("_") and not inspect.isdatadescriptor(getattr(kind, p))] == []


@pytest.mark.parametrize("name", CLASSES)
def test_relations_of_classes(name):
    """What is a subclass of what."""
    for other in CLASSES:
        if issubclass(getattr(standard, name), getattr(standard, other)):
            if getattr(standard, other) in (standard.AbstractServer, standard.Future) and name in ("Task", "Server"):
                continue  # compiled classes: instances say so, see below
            assert issubclass(getattr(ours, name), getattr(ours, other)), f"{name} is no {other}"


def test_instances_of_compiled_classes():
    assert issubclass(ours.Task, ours.Future) and issubclass(ours.TimerHandle, ours.Handle)


def parameters(package, path):
    """What a call may give: {name: (kind, default)}, without `self`."""
    found = list(inspect.signature(find(package, path)).parameters.values())
    if "." in path and not path.endswith("__class_getitem__"):
        found = found[1:]
    return {parameter.name: (parameter.kind, parameter.default) for parameter in found}


def functions():
    """Public functions, classes and methods of the standard library, by dotted name."""
    for name in standard_public():
        thing = getattr(standard, name)
        if name == "BaseEventLoop":
            continue  # abstract; EventLoop stands for it
        if thing is getattr(ours, name):
            continue  # vocabulary
        if isinstance(thing, types.FunctionType | types.BuiltinFunctionType | type):
            yield name
        if isinstance(thing, type):
            for member in public_members(thing):
                if member.endswith("exit__"):
                    continue  # whatever the names, the interpreter gives three
                if isinstance(inspect.getattr_static(thing, member), types.FunctionType | types.MethodDescriptorType):
                    yield f"{name}.{member}"


def find(package, path):
    for part in path.split("."):
        package = getattr(package, part)
    return package


@pytest.mark.parametrize("path", list(functions()))
def test_signatures(path):
    if path in OTHERWISE:
        pytest.skip(OTHERWISE[path])
    try:
        expected = parameters(standard, path)
    except ValueError:
        pytest.skip("the standard library's tells nothing of its parameters")
    found = parameters(ours, path)
    keywords = any(kind is inspect.Parameter.VAR_KEYWORD for kind, _ in found.values())
    for name, (kind, default) in expected.items():
        if kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
            continue
        if name not in found:
            assert keywords and kind is inspect.Parameter.KEYWORD_ONLY, f"{path} lacks {name}"
            continue
        wider = kind is inspect.Parameter.POSITIONAL_ONLY
        assert wider or found[name][0] == kind, f"{path}: {name} is {found[name][0].description}"
        assert same_default(found[name][1], default), f"{path}: {name}={found[name][1]!r}, not {default!r}"
    variable = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    extra = [
        name for name, (kind, default) in found.items()
        if name not in expected and kind not in variable and default is inspect.Parameter.empty
    ]  # fmt: skip
    assert extra == [], f"{path} needs more than asyncio's"


def same_default(found, expected):
    return found is expected or found == expected


@pytest.mark.parametrize("name", ["SelectorEventLoop", "EventLoop", "BaseEventLoop"])
def test_loops_are_made_as_asyncios(name):
    """``SelectorEventLoop(selector=None)``, in both forms."""
    signature = inspect.signature(getattr(ours, name))
    signature.bind()
    signature.bind(None)
    signature.bind(selector=None)


@pytest.mark.parametrize("name", ["Future", "Task", "Handle", "TimerHandle"])
def test_signatures_of_compiled_classes(name):
    """What they tell is what their source says, and their docstring stays as it is written."""
    kind = getattr(ours, name)
    (source,) = [
        node for node in ast.walk(ast.parse(Path(origin(kind)).read_text()))
        if isinstance(node, ast.ClassDef) and node.name == name
    ]  # fmt: skip
    (init,) = [node for node in source.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    told = str(inspect.signature(kind))
    assert told == f"({ast.unparse(init.args).removeprefix('self, ')})"
    assert inspect.getdoc(kind) == inspect.cleandoc(ast.get_docstring(source))
    assert f"{name}{told}" in pydoc.plain(pydoc.render_doc(kind))

    class WithoutInit(kind):
        pass

    class WithInit(kind):
        def __init__(self, own):
            pass

    assert str(inspect.signature(WithoutInit)) == told and str(inspect.signature(WithInit)) == "(own)"


@pytest.mark.parametrize("path", [
    "EventLoop.call_soon", "EventLoop.create_task", "Task.done", "TimerHandle.cancel", "Lock.release", "Event.set",
    "Semaphore.release", "Condition.notify", "Queue.put_nowait", "StreamReader.at_eof", "StreamWriter.write",
])
def test_inherited_methods_are_the_classs_own(path):
    """Python calls those of C's faster."""
    name, method = path.split(".")
    kind = getattr(ours, name)
    if not isinstance(getattr(kind, method), types.MethodDescriptorType):
        pytest.skip("interpreted, all methods are equal")
    assert getattr(kind, method).__objclass__ is kind
    assert getattr(kind, method) is vars(kind)[method]


def origin(kind):
    """The source of the module that defines it, compiled or not."""
    package, *names = kind.__module__.split(".")
    return Path(importlib.import_module(package).__file__).parent.joinpath(*names).with_suffix(".py")


@pytest.mark.parametrize("path", NEWER)
def test_newer_names(path):
    thing = find(ours, path)
    if NEWER[path] is not None:
        told = str(inspect.signature(thing)).replace("(self, /", "(self")  # as methods of C's say
        assert told == NEWER[path]


def test_names_are_found_at_once_where_asyncio_has_them_at_hand():
    # In a module with __getattr__ each access to each of its names is several times as slow.
    assert ("__getattr__" in vars(ours)) is ("__getattr__" in vars(standard))


def test_newer_releases_have_no_more():
    """Run on a newer Python than the table knows, this says what is to be done."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        older = {"AbstractEventLoopPolicy", "DefaultEventLoopPolicy", "get_child_watcher", "set_child_watcher"}
        older |= {name for name in standard.__all__ if name.endswith("ChildWatcher")}
    assert set(standard.__all__) - set(NEWEST) - older == set()
