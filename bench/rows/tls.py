"""TLS rows: echo over connections that stay, and full handshakes."""

from __future__ import annotations

from .. import certificate
from ..driven import DrivenRow

ORDER = 3
STYLES = {                                        # module in bench.servers: group as printed
    "tls_protocol": "TLS protocol",
    "tls_streams": "TLS streams",
}
CONNECTIONS = 10
SIZES = {1024: "1 KiB", 65536: "64 KiB"}
VISIT_SIZE = 64                                    # bytes of the one message after each handshake


class TlsRow(DrivenRow):
    """A server with a certificate, TLS 1.3 with what OpenSSL's defaults agree on."""

    limit = "echo_tls"

    def unavailable(self) -> str | None:
        return super().unavailable() or certificate.missing()

    def options(self) -> tuple[object, ...]:
        return (certificate.path(),)


class TlsEchoRow(TlsRow):
    """One message under way on each connection."""

    generator = "load_tls"

    def __init__(self, style: str, size: int) -> None:
        super().__init__(f"{style.replace('_', '-')}-{CONNECTIONS}x{SIZES[size].replace(' ', '')}", STYLES[style],
                         f"{CONNECTIONS} × {SIZES[size]}", "requests per server-CPU-second",
                         higher_is_better=True, quick=size == 1024)
        self.server = style
        self.high_level = "streams" in style
        self.load = (CONNECTIONS, size)


class HandshakeRow(TlsRow):
    """Ten at once: connect, full handshake, one small message and its echo, close from both sides."""

    generator, server = "visits_tls", "tls_protocol"
    load = (CONNECTIONS, VISIT_SIZE)

    def __init__(self) -> None:
        super().__init__("tls-handshakes", "TLS handshakes", "one message each", "handshakes per server-CPU-second",
                         higher_is_better=True, quick=True)


ROWS = [*(TlsEchoRow(style, size) for style in STYLES for size in SIZES), HandshakeRow()]
