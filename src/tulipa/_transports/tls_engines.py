"""Which engine speaks TLS: the environment variable TULIPA_TLS_ENGINE names it, else the best that there is.

| name      | speaks by                                                              | where                        |
| --------- | ---------------------------------------------------------------------- | ---------------------------- |
| `openssl` | the functions of the ssl module's OpenSSL                              | compiled, Linux, if it can   |
| `ssl`     | the ssl module's public objects                                        | everywhere                   |
"""

import functools
import os

from tulipa._transports.tls_engine import TLSEngine

try:
    from tulipa._transports import tls_openssl
except ImportError:  # interpreted, or not on this platform
    tls_openssl = None


@functools.cache
def _engines():
    engines = {}
    if tls_openssl is not None and tls_openssl.available():
        engines["openssl"] = tls_openssl.OpenSSLEngine
    engines["ssl"] = TLSEngine
    return engines


def engine_names():
    """The engines that can be had here, the best one first."""
    return list(_engines())


def make_engine(context, server_side, server_hostname):
    """An engine for one connection. Raises what SSLContext.wrap_bio raises; ValueError for an unknown engine."""
    engines = _engines()
    name = os.environ.get("TULIPA_TLS_ENGINE") or next(iter(engines))
    if name not in engines:
        raise ValueError(
            f"TULIPA_TLS_ENGINE is {name!r}; here it can be {' or '.join(engines)}, or be left out for the best"
        )
    return engines[name](context, server_side, server_hostname)
