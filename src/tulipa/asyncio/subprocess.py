"""Child processes with streams."""

from subprocess import DEVNULL, PIPE, STDOUT

from tulipa.asyncio._pending import (
    Process,
    SubprocessStreamProtocol,
    create_subprocess_exec,
    create_subprocess_shell,
)

__all__ = ("create_subprocess_exec", "create_subprocess_shell")
