"""install() and uninstall(): tulipa's asyncio in the standard one's place, whatever was imported before or after.

Each test runs a program of its own: what it does happens to the whole process.
"""

import pytest
from helpers.processes import run_source

pytest.importorskip("tulipa")

PROGRAMS = {
    "imported after": """
        import tulipa
        tulipa.install()
        import asyncio, asyncio.tasks, asyncio.events as events
        from asyncio import Task, TaskGroup, subprocess
        from tulipa import asyncio as ours
        assert asyncio is ours and asyncio.tasks is ours.tasks and events is ours.events
        assert Task is tulipa.Task and TaskGroup is ours.TaskGroup and subprocess is ours.subprocess
    """,
    "imported before": """
        import asyncio
        from asyncio import Future, Task as Job, events, gather
        import tulipa
        standard = asyncio
        holders = [asyncio]
        class Holder:
            lock_class = asyncio.Lock
            events = events
        tulipa.install()
        from tulipa import asyncio as ours
        assert asyncio is ours and Future is tulipa.Future and Job is tulipa.Task
        assert events is ours.events and gather is ours.gather
        assert Holder.lock_class is ours.Lock and Holder.events is ours.events
        tulipa.uninstall()
        assert asyncio is holders[0] and Future is asyncio.Future is not tulipa.Future and Job is asyncio.Task
        assert events is asyncio.events and gather is asyncio.gather
        assert Holder.lock_class is asyncio.Lock and Holder.events is events
    """,
    "in a function": """
        def late():
            import asyncio.locks
            return asyncio
        import tulipa
        before = late()
        tulipa.install()
        from tulipa import asyncio as ours
        assert late() is ours
        tulipa.uninstall()
        assert late() is before is not ours
    """,
    "the second install sees what came later": """
        import sys, types, asyncio, tulipa
        standard_sleep = asyncio.sleep
        module = types.ModuleType("later")
        tulipa.install()
        module.sleep, sys.modules["later"] = sys.modules["tulipa"]._full_mode._standard.sleep, module
        tulipa.install()
        assert module.sleep is asyncio.sleep is not sys.modules["tulipa"]._full_mode._standard.sleep
        tulipa.uninstall()
        assert module.sleep is asyncio.sleep is sys.modules["tulipa"]._full_mode._standard.sleep
    """,
    "lazy modules stay unloaded": """
        import importlib.util, sys, tulipa
        spec = importlib.util.find_spec("colorsys")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules["colorsys"] = module
        spec.loader.exec_module(module)
        tulipa.install()
        assert "rgb_to_hsv" not in object.__getattribute__(module, "__dict__")
        assert module.rgb_to_hsv
    """,
    "while a loop runs": """
        import asyncio, tulipa
        async def main():
            tulipa.install()
            await asyncio.sleep(0)
            async with asyncio.TaskGroup() as group, asyncio.timeout(9):
                task = group.create_task(asyncio.sleep(0, 7))
                lock = asyncio.Lock()
                async with lock:
                    await asyncio.wait_for(asyncio.shield(task), 9)
            assert task.result() == 7 and await asyncio.gather(*[asyncio.to_thread(int, "1")] * 1) == [1]
        asyncio.run(main())
    """,
    "what others change stays": """
        import asyncio, tulipa
        from asyncio import sleep, wait
        tulipa.install()
        sleep = "changed"
        tulipa.uninstall()
        assert sleep == "changed" and wait is asyncio.wait
    """,
    "uninstall alone": """
        import asyncio, tulipa
        before = asyncio
        tulipa.uninstall()
        assert asyncio is before
    """,
    "the vocabulary is the same": """
        import asyncio, pickle, tulipa
        error, base, protocol = asyncio.CancelledError, asyncio.AbstractEventLoop, asyncio.Protocol
        exceptions = asyncio.exceptions
        written = pickle.dumps(asyncio.IncompleteReadError(b"a", 2))
        tulipa.install()
        assert asyncio.CancelledError is error and asyncio.AbstractEventLoop is base
        assert asyncio.Protocol is protocol and asyncio.exceptions is exceptions
        assert type(pickle.loads(written)) is asyncio.IncompleteReadError
        assert pickle.loads(pickle.dumps(asyncio.IncompleteReadError(b"a", 2))).expected == 2
        assert pickle.loads(pickle.dumps(asyncio.Queue)) is asyncio.Queue
    """,
    "instances tell what they are": """
        import asyncio, tulipa
        standard = asyncio
        standard_future, standard_task = standard.Future, [standard.Task]
        tulipa.install()
        async def main():
            task = asyncio.current_task()
            future = asyncio.get_running_loop().create_future()
            assert isinstance(task, asyncio.Task) and isinstance(future, asyncio.Future)
            assert isinstance(task, standard_task[0]) and isinstance(task, asyncio.Future)
            assert asyncio.isfuture(future) and task in asyncio.all_tasks()
            handle = asyncio.get_running_loop().call_later(9, print)
            assert isinstance(handle, asyncio.TimerHandle) and isinstance(handle, asyncio.Handle)
            handle.cancel()
        asyncio.run(main())
    """,
    "objects of both worlds meet": """
        import asyncio, tulipa
        standard = [asyncio]
        class Before(asyncio.Future):
            pass
        async def before_install():
            await standard[0].sleep(0)
            return standard[0].current_task()
        tulipa.install()
        async def main():
            assert await standard[0].gather(before_install(), asyncio.sleep(0, 1)) != [None, 1]
            old = Before(loop=asyncio.get_running_loop())
            asyncio.get_running_loop().call_soon(old.set_result, 5)
            assert await asyncio.wait_for(old, 9) == 5
            task = standard[0].Task(before_install(), loop=asyncio.get_running_loop())
            assert await asyncio.shield(task) is task
        asyncio.run(main())
    """,
    "IsolatedAsyncioTestCase": """
        import unittest, asyncio, tulipa
        tulipa.install()
        class Case(unittest.IsolatedAsyncioTestCase):
            async def test(self):
                assert type(asyncio.current_task()) is tulipa.Task
                assert isinstance(asyncio.get_running_loop(), tulipa.EventLoop)
        result = unittest.TestResult()
        Case("test").run(result)
        assert result.wasSuccessful() and result.testsRun == 1, result.errors
    """,
    "threads and concurrent.futures": """
        import concurrent.futures, asyncio, tulipa
        tulipa.install()
        async def main():
            loop = asyncio.get_running_loop()
            with concurrent.futures.ThreadPoolExecutor() as pool:
                assert await loop.run_in_executor(pool, int, "7") == 7
                assert await asyncio.wrap_future(pool.submit(int, "8")) == 8
            call = lambda: asyncio.run_coroutine_threadsafe(asyncio.sleep(0, 9), loop).result()
            assert await asyncio.to_thread(call) == 9
        asyncio.run(main())
    """,
    "a policy that is chosen later": """
        import asyncio, tulipa, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        tulipa.install()
        class Policy(asyncio.DefaultEventLoopPolicy):
            def new_event_loop(self):
                loop = super().new_event_loop()
                loop.chosen = True
                return loop
        asyncio.set_event_loop_policy(Policy())
        loop = asyncio.new_event_loop()
        assert loop.chosen and isinstance(loop, tulipa.EventLoop)
        loop.close()
    """,
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_program(program):
    child = run_source(program, options=("-W", "error"))
    assert (child.returncode, child.stderr) == (0, "")


def test_without_install_the_two_packages_stand_side_by_side():
    child = run_source("""
        import asyncio as standard
        from tulipa import asyncio
        import tulipa
        async def main():
            return type(asyncio.get_running_loop()), type(asyncio.current_task())
        assert asyncio.run(main()) == (tulipa.EventLoop, tulipa.Task)
        loop = asyncio.new_event_loop()
        assert isinstance(loop, tulipa.EventLoop)
        asyncio.set_event_loop(loop)
        assert asyncio.get_event_loop() is loop is standard.get_event_loop()
        asyncio.set_event_loop(None)
        loop.close()
        loop = standard.new_event_loop()
        assert not isinstance(loop, tulipa.EventLoop)
        loop.close()
        assert standard.run(main())[1] is standard.Task
    """)  # fmt: skip
    assert (child.returncode, child.stderr) == (0, "")
