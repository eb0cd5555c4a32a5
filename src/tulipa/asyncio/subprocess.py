"""Child processes with streams."""

from subprocess import DEVNULL as DEVNULL
from subprocess import PIPE as PIPE
from subprocess import STDOUT as STDOUT

from tulipa._highlevel.subprocess import Process as Process
from tulipa._highlevel.subprocess import SubprocessStreamProtocol as SubprocessStreamProtocol
from tulipa._highlevel.subprocess import (
    create_subprocess_exec,
    create_subprocess_shell,
)

__all__ = ("create_subprocess_exec", "create_subprocess_shell")
