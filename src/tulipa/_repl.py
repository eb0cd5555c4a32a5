"""The interactive shell of ``python -m tulipa``: `await` at the top level, over a loop of tulipa.

The loop runs in the main thread, what is typed is read in another one: tasks go on while the prompt waits.
"""

import ast
import code
import concurrent.futures
import inspect
import os
import platform
import sys
import threading
import types
import warnings

from tulipa import __version__, asyncio


class Console(code.InteractiveConsole):
    """Reads in its own thread; what is read runs in the loop's, as a task where it awaits."""

    def __init__(self, names, loop):
        super().__init__(names, filename="<stdin>")
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._loop = loop
        self.running = None
        self.interrupted = False
        self.exit_code = 0

    def runcode(self, code):
        """Run one statement to its end, and show what it raises."""
        outcome = concurrent.futures.Future()
        self._loop.call_soon_threadsafe(self._start, code, outcome)
        try:
            outcome.result()
        except SystemExit as stop:
            self.exit_code = stop.code
            raise
        except (KeyboardInterrupt, concurrent.futures.CancelledError):
            self.write("\nKeyboardInterrupt\n")
        except BaseException as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_frame.f_code.co_filename != self.filename:
                trace = trace.tb_next
            error.__traceback__ = trace
            self._show(error)

    def _show(self, error):
        try:
            raise error.with_traceback(error.__traceback__)
        except BaseException:
            self.showtraceback()

    def _start(self, code, outcome):
        self.interrupted = False
        try:
            result = types.FunctionType(code, self.locals)()
            if not inspect.iscoroutine(result):
                outcome.set_result(result)
                return
            self.running = self._loop.create_task(result)
        except BaseException as error:
            outcome.set_exception(error)
            return
        self.running.add_done_callback(lambda task: self._end(task, outcome))

    def _end(self, task, outcome):
        self.running = None
        if task.cancelled():
            outcome.set_exception(KeyboardInterrupt() if self.interrupted else asyncio.CancelledError())
        elif task.exception() is not None:
            outcome.set_exception(task.exception())
        else:
            outcome.set_result(task.result())

    def interrupt(self):
        """Ctrl-C: end the statement that runs."""
        self.interrupted = True
        if self.running is not None:
            self.running.cancel()


def run() -> None:
    """Read, run and print until the end of input or `exit()`; leaves by SystemExit."""
    sys.audit("cpython.run_stdin")
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    names = {"__name__": "__main__", "__builtins__": __builtins__, "asyncio": asyncio}
    console = Console(names, loop)
    _complete_and_remember(names)
    reader = threading.Thread(target=_read, args=(console, loop), name="tulipa console", daemon=True)
    reader.start()
    while True:
        try:
            loop.run_forever()
        except KeyboardInterrupt:
            console.interrupt()
        else:
            break
    _finish(loop)
    sys.exit(console.exit_code)


def _read(console, loop):
    try:
        _run_startup_file(console)
        console.interact(banner=_banner(), exitmsg="exiting tulipa's asyncio REPL...")
    except SystemExit:
        pass
    finally:
        warnings.filterwarnings("ignore", r"^coroutine .* was never awaited$", RuntimeWarning)
        loop.call_soon_threadsafe(loop.stop)


def _banner():
    return (
        f"tulipa {__version__}: asyncio REPL, {platform.python_implementation()} {platform.python_version()} "
        f"on {sys.platform}\n"
        'Use "await" directly instead of "asyncio.run()".\n'
        f"{getattr(sys, 'ps1', '>>> ')}import asyncio"
    )


def _run_startup_file(console):
    """PYTHONSTARTUP, as python does."""
    path = os.environ.get("PYTHONSTARTUP")
    if path:
        sys.audit("cpython.run_startup", path)
        with open(path, "rb") as file:
            exec(compile(file.read(), path, "exec"), console.locals)


def _complete_and_remember(names):
    """Completion by the tabulator and a history file, where there is readline: site's hook has both."""
    hook = getattr(sys, "__interactivehook__", None)
    if hook is None:
        return
    sys.audit("cpython.run_interactivehook", hook)
    hook()
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    readline.set_completer(rlcompleter.Completer(names).complete)


def _finish(loop):
    """What still runs is cancelled and waited for, as when a program ends."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True) if tasks else asyncio.sleep(0))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
