"""subprocess_exec and subprocess_shell: child processes.

A child is started in the loop's own thread, which takes about a millisecond. A thread would free nobody: Popen's
usual way, vfork, holds the GIL until the child has called exec. And a child belongs to the thread that starts it: one
with a parent-death signal (PR_SET_PDEATHSIG) would be killed as soon as that thread of a pool ends, and `preexec_fn`
would not run where the program expects it.
"""

import asyncio
import contextlib
import subprocess
from asyncio.log import logger

from tulipa._transports.process import SubprocessTransport

PIPE = subprocess.PIPE
# The watchers that are asyncio's default, where it has any.
_LIKE_OURS = [
    getattr(asyncio.unix_events, name)
    for name in ("PidfdChildWatcher", "ThreadedChildWatcher")
    if hasattr(getattr(asyncio, "unix_events", None), name)
]


async def subprocess_exec(
    loop, protocol_factory, program, *args, stdin=PIPE, stdout=PIPE, stderr=PIPE,
    universal_newlines=False, shell=False, bufsize=0, encoding=None, errors=None, text=None, **kwargs,
):
    """Run `program` with the arguments `args` (str, bytes, path-like); gives (transport, protocol).

    `stdin`, `stdout`, `stderr` are as of `subprocess.Popen`, as is everything in `kwargs`. Raises OSError where the
    program can't be started; ValueError for what a loop does not do: text, and buffered pipes.
    """
    _check(universal_newlines, bufsize, encoding, errors, text)
    if shell:
        raise ValueError("shell must be False; use subprocess_shell() to run a shell's command line")
    pipes = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    what = f"execute program {program!r}"
    return await _run(loop, protocol_factory, (program, *args), pipes, what, shell=False, **kwargs)


async def subprocess_shell(
    loop, protocol_factory, cmd, *, stdin=PIPE, stdout=PIPE, stderr=PIPE,
    universal_newlines=False, shell=True, bufsize=0, encoding=None, errors=None, text=None, **kwargs,
):
    """Run the command line `cmd` (str or bytes) by the shell; gives (transport, protocol). The rest is as of
    `subprocess_exec`. What comes from elsewhere must be quoted: `shlex.quote`.
    """
    if not isinstance(cmd, (bytes, str)):
        raise ValueError(f"cmd must be a string, not {cmd!r}; use subprocess_exec() for a list of arguments")
    _check(universal_newlines, bufsize, encoding, errors, text)
    if not shell:
        raise ValueError("shell must be True; use subprocess_exec() to run a program without a shell")
    pipes = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    return await _run(loop, protocol_factory, cmd, pipes, f"run shell command {cmd!r}", shell=True, **kwargs)


def _check(universal_newlines, bufsize, encoding, errors, text):
    """A loop's pipes carry bytes, as they come."""
    hint = "; a loop's pipes carry bytes: encode and decode them yourself"
    if universal_newlines:
        raise ValueError(f"universal_newlines must be False{hint}")
    if bufsize != 0:
        raise ValueError("bufsize must be 0; a loop's pipes are not buffered by their file objects")
    if text:
        raise ValueError(f"text must be False{hint}")
    if encoding is not None:
        raise ValueError(f"encoding must be None{hint}")
    if errors is not None:
        raise ValueError(f"errors must be None{hint}")


async def _run(loop, protocol_factory, args, pipes, what, **kwargs):
    loop._check_closed()
    protocol = protocol_factory()
    if loop._debug:
        logger.debug("%s %s", what, _describe(**pipes))
    watcher = _chosen_watcher()
    waiter = loop.create_future()
    with contextlib.nullcontext() if watcher is None else watcher:
        if watcher is not None and not watcher.is_active():
            raise RuntimeError(
                f"the child watcher that was chosen is not active: {watcher!r}; attach it to a running loop "
                "(watcher.attach_loop(loop)), or choose none: asyncio.set_child_watcher(None)"
            )
        popen = subprocess.Popen(args, bufsize=0, **pipes, **kwargs)
        transport = SubprocessTransport(loop, popen, protocol, waiter, watcher)
    if loop._debug:
        logger.debug("process %r created: pid %s", args if isinstance(args, (str, bytes)) else args[0], popen.pid)
    try:
        await waiter
    except asyncio.CancelledError:
        transport.close()
        # Killed, it ends soon; should this be cancelled too, the loop goes on watching it.
        await transport._wait()
        raise
    except BaseException:
        transport.close()
        raise
    if loop._debug:
        logger.info("%s: %r", what, transport)
    return transport, protocol


def _chosen_watcher():
    """The child watcher that the program has chosen, or None: then the loop sees to its children by itself.

    Up to Python 3.13 there are some, and the policy has one, by default one that does what the loop does.
    """
    if not _LIKE_OURS:
        return None
    watcher = getattr(asyncio.get_event_loop_policy(), "_watcher", None)
    return None if type(watcher) in _LIKE_OURS or watcher is None else watcher


def _describe(stdin, stdout, stderr):
    """What the child's first three descriptors are, for the log."""
    streams = {"stdin": stdin}
    if stdout is not None and stderr == subprocess.STDOUT:
        streams["stdout=stderr"] = stdout
    else:
        streams.update(stdout=stdout, stderr=stderr)
    special = {subprocess.PIPE: "<pipe>", subprocess.STDOUT: "<stdout>", subprocess.DEVNULL: "<null>"}
    return " ".join(
        f"{name}={special.get(stream, repr(stream)) if isinstance(stream, int) else repr(stream)}"
        for name, stream in streams.items() if stream is not None
    )
