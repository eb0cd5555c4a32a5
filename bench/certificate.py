"""The certificate of the measured TLS servers: ECDSA on P-256, made once."""

from __future__ import annotations

import importlib.util
import os
import ssl
from pathlib import Path

from .native import CACHE


def missing() -> str | None:
    """Why there can be no certificate here, or None."""
    return None if importlib.util.find_spec("trustme") else "needs trustme for a certificate: pip install trustme"


def path() -> Path:
    """A file with the private key, the certificate and its chain."""
    file = CACHE / "certificate.pem"
    if not file.exists():
        import trustme

        CACHE.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")
        pem = trustme.CA().issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem
        partial.touch(mode=0o600)
        partial.write_bytes(pem.bytes())
        partial.replace(file)
    return file


def server_context(file: str) -> ssl.SSLContext:
    """What the servers are given as `ssl`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
