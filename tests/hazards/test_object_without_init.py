"""An object made by __new__ alone, or whose __init__ failed: an exception at most, never a crash."""

import pytest
from helpers.processes import run_source

from tulipa._transports.tls_engines import engine_names

PROGRAM = """
import contextlib, inspect
from tulipa._transports.{module} import {name}

# Enough arguments for any of the methods, and of kinds that they know.
CANDIDATES = [(), (b"x",), ([b"x"],), (None,), (1,), (1, None), (None, None), (None, None, 1), (OSError(), "why")]

bare = {name}.__new__({name})
for method in dir({name}):
    if method.startswith("__") and method not in ("__repr__", "__del__"):
        continue
    for args in CANDIDATES:
        with contextlib.suppress(Exception):
            getattr(bare, method)(*args)
print("alive")
"""


@pytest.mark.parametrize("module, name", [
    ("life", "Transport"),
    ("buffer", "WriteBuffer"),
    ("buffer", "DatagramQueue"),
    ("callbacks", "CallbackWatcher"),
    ("datagram", "DatagramTransport"),
    ("datagram_endpoint", "DatagramSocketEndpoint"),
    ("accepting", "Acceptor"),
    ("endpoint", "Endpoint"),
    ("endpoint", "SocketEndpoint"),
    ("stream", "StreamTransport"),
    ("tls", "TLSTransport"),
    ("tls_engine", "TLSEngine"),
    ("tls_machine", "TLSMachine"),
    ("tls_openssl", "OpenSSLEngine"),
])
def test_every_method(module, name):
    if name == "OpenSSLEngine" and "openssl" not in engine_names():
        pytest.skip("the openssl engine is not to be had here")
    program = run_source(PROGRAM.format(module=module, name=name))
    assert (program.returncode, program.stdout.strip()) == (0, "alive"), program.stderr
