"""The loop fixtures, and the marks that choose which loops a test runs on.

A test that takes ``loop`` or ``loop_factory`` runs on the standard loop and on tulipa's with each driver that waits
for real descriptors; ``virtual_too`` adds the virtual driver (tests without sockets, threads or processes),
``tulipa_only`` leaves the standard loop out, ``std_since(3, 12)`` leaves it out below that version of Python.
``use_tls_engine`` multiplies tulipa's loops by the engines for TLS.
"""

import gc
import itertools
import os
import signal
import sys

import hypothesis
import pytest
from helpers.accounting import LoopAudit
from helpers.cases import cases, drivers, tls_engines, tulipa

FREEZE_EVERY = 50  # tests
_begun = itertools.count(1)


def pytest_configure():
    _notice_signals()
    _choose_examples()
    wanted = os.environ.get("TULIPA_EXPECT")
    if wanted and tulipa is not None and wanted != _mode():
        raise pytest.UsageError(f"TULIPA_EXPECT={wanted}, but the tulipa installed here is {_mode()}")


def _choose_examples():
    """Hypothesis makes the same examples in each run, so that a change is judged by itself; `make fuzz` others."""
    hypothesis.settings.register_profile("repeatable", derandomize=True)
    hypothesis.settings.register_profile("fuzz", derandomize=False, print_blob=True)
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def _notice_signals():
    """Undo what a shell does for background jobs, and nohup: children that tests signal would never end."""
    for name, usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def _mode():
    return "compiled" if tulipa.is_compiled() else "interpreted"


def pytest_report_header():
    python = f"python {sys.version.split()[0]}"
    if tulipa is None:
        return f"{python}, tulipa is not installed: the standard loop only"
    return f"{python}, tulipa {tulipa.__version__} ({_mode()}), drivers: {', '.join(drivers())}, virtual"


def pytest_collection_finish():
    # What was imported is no test's garbage: keeps the collections at the end of each test short.
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    # Nor is what pytest remembers of each test, which would make each collection longer than the one before.
    if next(_begun) % FREEZE_EVERY == 0:
        gc.collect()
        gc.freeze()


def pytest_generate_tests(metafunc):
    if "loop_factory" not in metafunc.fixturenames:
        return
    definition = metafunc.definition
    std = definition.get_closest_marker("tulipa_only") is None
    for mark in definition.iter_markers("std_since"):
        std = std and sys.version_info >= mark.args
    virtual = definition.get_closest_marker("virtual_too") is not None
    chosen = cases(std=std, virtual=virtual)
    if "tls_engine" not in metafunc.fixturenames:
        metafunc.parametrize("loop_factory", chosen, ids=[case.id for case in chosen])
        return
    pairs = [(case, engine) for case in chosen for engine in tls_engines(case)]
    ids = [case.id if case.is_std else f"{case.id}-{engine}" for case, engine in pairs]
    metafunc.parametrize(("loop_factory", "tls_engine"), pairs, ids=ids)


@pytest.fixture(scope="session", autouse=True)
def last_collection():
    """What the last tests left is reported too: pytest's own collection at the end is not heard from a worker."""
    yield
    gc.collect()


@pytest.fixture
def loop_errors():
    """The contexts that reached the exception handler of ``loop``; the test clears those it expects."""
    return []


@pytest.fixture
def loop(loop_factory, loop_errors):
    """A fresh loop, set nowhere; after the test nothing may be left of what ran on it."""
    audit = LoopAudit()
    loop = loop_factory()
    audit.watch(loop)
    loop.set_exception_handler(lambda _, context: loop_errors.append(context))
    yield loop
    complaints = audit.finish()
    complaints += [f"the exception handler got {context!r}" for context in loop_errors]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def without_debug(loop):
    """What the test expects is so outside of debug mode, which PYTHONDEVMODE=1 switches on for all loops.

    There more is told of: handshakes that fail on a server, what takes long on a busy machine.
    """
    loop.set_debug(False)


@pytest.fixture
def use_tls_engine(tls_engine, monkeypatch):
    """Have tulipa's TLS transports use one engine; tests of TLS run on each of them."""
    monkeypatch.setenv("TULIPA_TLS_ENGINE", tls_engine)
