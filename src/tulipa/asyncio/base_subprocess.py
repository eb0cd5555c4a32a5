"""What other loops build their child processes' transports from: the standard library's own module."""

import sys
from asyncio import base_subprocess
from asyncio.base_subprocess import BaseSubprocessTransport as BaseSubprocessTransport
from asyncio.base_subprocess import ReadSubprocessPipeProto as ReadSubprocessPipeProto
from asyncio.base_subprocess import WriteSubprocessPipeProto as WriteSubprocessPipeProto

sys.modules[__name__] = base_subprocess
