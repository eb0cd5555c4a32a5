"""Which loop is asked where none is given and none runs: the one of ``get_event_loop()``, as in asyncio.

Without `tulipa.install()` the façade's own policy decides, for all that the façade has. What each call does, warns of
and raises is compared with the standard library's, in a process of its own, with a new policy for each call.
"""

import functools
import json

import pytest
from helpers.cases import tulipa
from helpers.processes import run_source

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

IMPORTS = {"standard": "import asyncio", "ours": "from tulipa import asyncio"}

# Each gives what tells of its loop.
CALLS = {
    "get_event_loop": "asyncio.get_event_loop()",
    "Future": "asyncio.Future()",
    "Future's subclass": "type('Sub', (asyncio.Future,), {})()",
    "Task": "asyncio.Task(done())",
    "ensure_future": "asyncio.ensure_future(done())",
    "ensure_future of an awaitable": "asyncio.ensure_future(Awaitable())",
    "gather": "asyncio.gather(done(), done())",
    "gather of nothing": "asyncio.gather()",
    "shield": "asyncio.shield(done())",
    "wrap_future": "asyncio.wrap_future(concurrent.futures.Future())",
    "as_completed": "list(asyncio.as_completed([])) or asyncio.get_event_loop()",
    "StreamReader": "asyncio.StreamReader()",
    "StreamReaderProtocol": "asyncio.StreamReaderProtocol(None)",
    "FlowControlMixin": "asyncio.streams.FlowControlMixin()",
}

SITUATIONS = {
    "nothing was said": "pass",
    "no loop": "asyncio.set_event_loop(None)",
    "a loop was set": "loop = asyncio.new_event_loop(); asyncio.set_event_loop(loop); return loop",
}

PROGRAM = """
import concurrent.futures, gc, json, sys, threading, warnings
{library}

async def done():
    pass

class Awaitable:
    def __await__(self):
        return iter(())

def prepare():
    asyncio.set_event_loop_policy(None)
    {situation}

def loop_of(thing):
    if hasattr(thing, "run_forever"):
        return thing
    return thing.get_loop() if hasattr(thing, "get_loop") else thing._loop

def ask(call):
    mine = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = prepare()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            loop = loop_of(eval(call))
        except RuntimeError as exc:
            result = str(exc)
            gc.collect()
        else:
            result = [type(loop).__module__.partition(".")[0], loop is mine]
            assert asyncio.get_event_loop() is loop, "not the one that is asked for"
    if not isinstance(result, str):
        for task in asyncio.all_tasks(loop):
            loop.run_until_complete(task)
        loop.close()
    found = [(warning.category.__name__, warning.filename == "<string>") for warning in caught
             if "policy" not in str(warning.message) and "never awaited" not in str(warning.message)]
    outcomes[call] = result, found

outcomes = {{}}
thread = threading.Thread(target=lambda: [ask(call) for call in {calls}], name="T")
thread.{run}()
print(json.dumps(outcomes))
"""


@functools.cache
def outcomes(library, situation, run="run"):
    """What each call gives: the loop's package and whether it is the one that was set, or an error; the warnings."""
    source = PROGRAM.format(
        library=IMPORTS[library], situation=SITUATIONS[situation], calls=list(CALLS.values()), run=run
    )
    child = run_source(source)
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_loop_is_given_and_none_runs(call, situation):
    result, warned = outcomes("ours", situation)[call]
    expected, expected_warned = outcomes("standard", situation)[call]
    assert result == (["tulipa", expected[1]] if isinstance(expected, list) else expected)
    assert [category for category, _ in warned] == [category for category, _ in expected_warned]
    assert all(by_program for _, by_program in warned), "a warning names the line of the program"


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_in_another_thread_there_is_none(call):
    result, warned = outcomes("ours", "nothing was said", "start(); thread.join")[call]
    assert [result, warned] == outcomes("standard", "nothing was said", "start(); thread.join")[call]
    assert "no current event loop in thread 'T'" in result
