"""What is reported and shown of futures: lost exceptions, reprs, where they were made."""

import asyncio
import gc

import pytest

pytestmark = pytest.mark.virtual_too


@pytest.fixture
def future(loop):
    return loop.create_future()


def test_exception_never_retrieved_is_reported_once(loop, loop_errors):
    future = loop.create_future()
    error = ValueError("lost")
    future.set_exception(error)
    del future
    gc.collect()
    (context,) = loop_errors
    assert context["message"] == "Future exception was never retrieved"
    assert context["exception"] is error
    assert isinstance(context["future"], asyncio.Future)
    loop_errors.clear()
    del context
    gc.collect()
    assert loop_errors == []


@pytest.mark.parametrize("look", [
    lambda future: future.exception(),
    lambda future: pytest.raises(ValueError, future.result),
], ids=["exception()", "result()"])
def test_exception_retrieved_is_not_reported(loop, look):
    future = loop.create_future()
    future.set_exception(ValueError("seen"))
    look(future)
    del future
    gc.collect()


def test_cancelled_or_pending_futures_go_silently(loop):
    loop.create_future().cancel()
    pending = loop.create_future()
    del pending
    gc.collect()


def test_report_says_where_it_was_made_in_debug_mode(loop, loop_errors):
    loop.set_debug(True)
    future = loop.create_future()
    future.set_exception(ValueError("lost"))
    del future
    gc.collect()
    (context,) = loop_errors
    assert __file__ in [frame.filename for frame in context["source_traceback"][-2:]]
    loop_errors.clear()


@pytest.mark.usefixtures("without_debug")
def test_source_traceback(loop):
    assert loop.create_future()._source_traceback is None
    loop.set_debug(True)
    frames = loop.create_future()._source_traceback
    # The standard library's newest frame is create_future's own.
    assert __file__ in [frame.filename for frame in frames[-2:]]


def test_log_traceback_can_only_be_switched_off(loop):
    future = loop.create_future()
    future.set_exception(ValueError("lost"))
    assert future._log_traceback is True
    with pytest.raises(ValueError):
        future._log_traceback = True
    future._log_traceback = False
    assert future._log_traceback is False
    del future
    gc.collect()


@pytest.mark.usefixtures("without_debug")
def test_repr(loop, future):
    assert repr(future).startswith("<Future pending")
    future.add_done_callback(test_repr)
    assert "cb=[test_repr() at " in repr(future)
    future.add_done_callback(print)
    assert "print" in repr(future)
    for _ in range(3):
        future.add_done_callback(str)
    assert "<3 more>" in repr(future)
    for callback in (test_repr, print, str):
        future.remove_done_callback(callback)
    future.set_result("value")
    assert repr(future) == "<Future finished result='value'>"


@pytest.mark.usefixtures("without_debug")
def test_repr_of_a_failed_and_a_cancelled_one(loop, future):
    future.set_exception(ValueError("why"))
    assert repr(future) == "<Future finished exception=ValueError('why')>"
    assert future.exception()
    cancelled = loop.create_future()
    cancelled.cancel()
    assert repr(cancelled) == "<Future cancelled>"


def test_repr_of_one_that_holds_itself(loop):
    future = loop.create_future()
    future.set_result(future)
    assert repr(future).startswith("<Future finished result=")
    assert repr(future).count("finished") <= 2


def test_repr_in_debug_mode_says_where_it_was_made(loop):
    loop.set_debug(True)
    assert "created at " in repr(loop.create_future())


def test_subclass_is_named_in_the_repr(loop, loop_factory):
    class Special(loop_factory.api.Future):
        pass

    assert repr(Special(loop=loop)).startswith("<Special pending")
