"""tulipa.run, install and uninstall, the policy, and new_event_loop."""

import asyncio
import contextvars
import sys
import warnings

import pytest
from helpers.cases import tulipa
from helpers.processes import run_source

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)


async def running_loop():
    await asyncio.sleep(0)
    return asyncio.get_running_loop()


# --- run ------------------------------------------------------------------------------------------


def test_run_gives_the_result_and_closes_the_loop():
    loop = tulipa.run(running_loop())
    assert isinstance(loop, tulipa.EventLoop) and loop.is_closed()


def test_run_raises():
    async def main():
        raise KeyError("key")

    with pytest.raises(KeyError, match="key"):
        tulipa.run(main())


@pytest.mark.parametrize("debug, expected", [(True, True), (False, False), (None, sys.flags.dev_mode)])
def test_run_debug(debug, expected):
    async def main():
        return asyncio.get_running_loop().get_debug()

    assert tulipa.run(main(), debug=debug) is expected


def test_run_loop_factory():
    loop = tulipa.run(running_loop(), loop_factory=lambda: tulipa.EventLoop("virtual"))
    assert loop.driver_name == "virtual"


def test_run_cancels_what_is_left_and_closes_generators():
    order = []

    async def forgotten():
        try:
            await asyncio.Event().wait()
        finally:
            order.append("task")

    async def generate():
        try:
            yield 1
        finally:
            order.append("generator")

    async def main():
        generator = generate()
        kept.extend([asyncio.create_task(forgotten()), generator])
        await anext(generator)

    kept = []
    tulipa.run(main())
    assert order == ["task", "generator"] and kept[0].cancelled()


def test_run_copies_the_context():
    variable = contextvars.ContextVar("variable", default="default")

    async def main():
        seen = variable.get()
        variable.set("inside")
        return seen

    token = variable.set("outside")
    assert tulipa.run(main()) == "outside" and variable.get() == "outside"
    variable.reset(token)


def test_run_within_a_running_loop():
    async def main():
        coroutine = running_loop()
        with pytest.raises(RuntimeError, match="running event loop"):
            tulipa.run(coroutine)
        coroutine.close()

    tulipa.run(main())


@pytest.mark.parametrize("wrong", [None, 5, pytest.param(running_loop, id="function"), "main"], ids=repr)
def test_run_of_what_is_no_coroutine(wrong):
    with pytest.raises(TypeError, match="a coroutine was expected"):
        tulipa.run(wrong)


def test_run_of_a_function_gets_a_hint():
    with pytest.raises(TypeError, match=r"running_loop\(\)"):
        tulipa.run(running_loop)


def test_run_of_an_awaitable():
    class Awaitable:
        def __await__(self):
            yield
            return "awaited"

    assert tulipa.run(Awaitable()) == "awaited"


@pytest.mark.skipif(not hasattr(asyncio, "EventLoop"), reason="asyncio.run has loop_factory since Python 3.12")
def test_asyncio_run_with_our_loop():
    assert isinstance(asyncio.run(running_loop(), loop_factory=tulipa.EventLoop), tulipa.EventLoop)


def test_runner_with_our_loop():
    with asyncio.Runner(loop_factory=tulipa.EventLoop) as runner:
        first = runner.run(running_loop())
        assert runner.run(running_loop()) is first and isinstance(first, tulipa.EventLoop)


def test_new_event_loop():
    first, second = tulipa.new_event_loop(), tulipa.new_event_loop()
    assert isinstance(first, tulipa.EventLoop) and first is not second
    first.close()
    second.close()


# --- policies -------------------------------------------------------------------------------------


pytestmark = pytest.mark.filterwarnings("ignore:'?asyncio.*[pP]olicy:DeprecationWarning")


@pytest.fixture
def policy_comes_back():
    """Whatever the test installs, the policy is the same afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        before = asyncio.get_event_loop_policy()
        yield before
        asyncio.set_event_loop_policy(before)


def test_install_and_uninstall(policy_comes_back):
    tulipa.install()
    assert isinstance(asyncio.get_event_loop_policy(), tulipa.EventLoopPolicy)
    assert isinstance(asyncio.run(running_loop()), tulipa.EventLoop)
    loop = asyncio.new_event_loop()
    assert isinstance(loop, tulipa.EventLoop)
    loop.close()
    tulipa.uninstall()
    assert asyncio.get_event_loop_policy() is policy_comes_back
    assert not isinstance(asyncio.run(running_loop()), tulipa.EventLoop)


def test_install_twice_uninstall_once(policy_comes_back):
    tulipa.install()
    tulipa.install()
    tulipa.uninstall()
    assert not isinstance(asyncio.get_event_loop_policy(), tulipa.EventLoopPolicy)
    tulipa.uninstall()
    assert not isinstance(asyncio.get_event_loop_policy(), tulipa.EventLoopPolicy)


def test_uninstall_respects_who_came_later(policy_comes_back):
    class Other(asyncio.DefaultEventLoopPolicy):
        pass

    tulipa.install()
    other = Other()
    asyncio.set_event_loop_policy(other)
    tulipa.uninstall()
    assert asyncio.get_event_loop_policy() is other


def test_install_puts_back_a_policy_of_others(policy_comes_back):
    class Other(asyncio.DefaultEventLoopPolicy):
        pass

    other = Other()
    asyncio.set_event_loop_policy(other)
    tulipa.install()
    tulipa.uninstall()
    assert asyncio.get_event_loop_policy() is other


def test_policy_itself(policy_comes_back):
    policy = tulipa.EventLoopPolicy()
    assert isinstance(policy, asyncio.AbstractEventLoopPolicy)
    asyncio.set_event_loop_policy(policy)
    loop = policy.new_event_loop()
    assert isinstance(loop, tulipa.EventLoop)
    policy.set_event_loop(loop)
    assert policy.get_event_loop() is loop
    policy.set_event_loop(None)
    loop.close()


def test_set_event_loop_and_get_it_back():
    source = """
        import asyncio, tulipa
        tulipa.install()
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        assert asyncio.get_event_loop() is loop

        async def main():
            assert asyncio.get_event_loop() is loop
            return "done"

        print(loop.run_until_complete(main()), type(loop).__module__.partition(".")[0])
        loop.close()
    """
    child = run_source(source)
    assert (child.stdout, child.returncode) == ("done tulipa\n", 0), child.stderr
