"""Which engine speaks TLS: the choice, and that OpenSSL is called directly only where everything is as expected."""

import asyncio
import gc
import ssl

import pytest
from helpers.cases import tulipa
from helpers.tls import HOST, client_context, server_context

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

from tulipa._transports import tls_engines
from tulipa._transports.tls_engine import TLSEngine

direct = pytest.mark.skipif("openssl" not in tls_engines.engine_names(), reason="there is no openssl engine here")


def shake_hands(client, server):
    for _ in range(5):
        for one, other in ((client, server), (server, client)):
            one.handshake()
            data = one.output()
            if data:
                other.feed(data)
    assert client.handshake() and server.handshake()


def engines(kind, client=None, server=None):
    return kind(client or client_context(), False, HOST), kind(server or server_context(), True, None)


def exchange(one, other):
    assert one.send(b"data") == 4
    other.feed(one.output())
    assert other.receive() == b"data"


@pytest.mark.parametrize("name", tls_engines.engine_names())
def test_choice(monkeypatch, name):
    monkeypatch.setenv("TULIPA_TLS_ENGINE", name)
    engine = tls_engines.make_engine(client_context(), False, HOST)
    assert (type(engine) is TLSEngine) == (name == "ssl")


def test_best_is_chosen(monkeypatch):
    monkeypatch.delenv("TULIPA_TLS_ENGINE", raising=False)
    engine = tls_engines.make_engine(client_context(), False, HOST)
    assert (type(engine) is TLSEngine) == (tls_engines.engine_names() == ["ssl"])


def test_unknown_name(monkeypatch):
    monkeypatch.setenv("TULIPA_TLS_ENGINE", "unheard of")
    with pytest.raises(ValueError, match="TULIPA_TLS_ENGINE is 'unheard of'; here it can be .*ssl"):
        tls_engines.make_engine(client_context(), False, HOST)


@direct
@pytest.mark.parametrize("name, value", [
    ("OPENSSL_VERSION", "LibreSSL 3.8.2"), ("OPENSSL_VERSION", "AWS-LC 1.40"),
    ("OPENSSL_VERSION_NUMBER", 0x1010009F), ("OPENSSL_VERSION_NUMBER", ssl.OPENSSL_VERSION_NUMBER + 16),
])
def test_another_library_is_not_called(monkeypatch, name, value):
    from tulipa._transports import tls_openssl

    assert tls_openssl.available()
    monkeypatch.setattr(ssl, name, value)
    assert not tls_openssl.available()


@direct
@pytest.mark.parametrize("path", ["/nowhere/_ssl.so", None])
def test_ssl_module_that_is_not_loaded_from_a_file(monkeypatch, path):
    import _ssl

    from tulipa._transports import tls_openssl

    if path is None:
        monkeypatch.delattr(_ssl, "__file__")
    else:
        monkeypatch.setattr(_ssl, "__file__", path)
    assert not tls_openssl.available()


@direct
def test_objects_that_are_laid_out_in_another_way(monkeypatch):
    from tulipa._transports import tls_openssl

    other = client_context()

    class Context(ssl.SSLContext):
        """Gives objects whose context is another one than asked for."""

        def wrap_bio(self, *args, **kwargs):
            return other.wrap_bio(*args, **kwargs)

    monkeypatch.setattr(ssl, "SSLContext", Context)
    assert not tls_openssl.available()


@direct
def test_ssl_objects_of_another_make_stay_with_the_ssl_module():
    from tulipa._transports.tls_openssl import OpenSSLEngine

    class Wrapped:
        """What hides the C object of the ssl module."""

        def __init__(self, ssl_object):
            self._ssl_object = ssl_object
            self._sslobj = object()

        def __getattr__(self, name):
            return getattr(self._ssl_object, name)

    class Context:
        def __init__(self, context):
            self._context = context

        def wrap_bio(self, *args, **kwargs):
            return Wrapped(self._context.wrap_bio(*args, **kwargs))

    client, server = engines(OpenSSLEngine, Context(client_context()))
    shake_hands(client, server)
    server.receive(), client.receive()
    exchange(client, server)
    exchange(server, client)


@direct
def test_more_busy_connections_than_keep_their_buffers():
    from tulipa._transports.tls_openssl import OpenSSLEngine

    busy = [engines(OpenSSLEngine) for _ in range(40)]  # two ends each
    for client, server in busy:
        shake_hands(client, server)
        assert client.receive() is None
    for turn in range(60):
        # Half of a record is there while others take the buffers.
        client, server = busy[turn % len(busy)]
        client.send(b"in two halves")
        record = client.output()
        server.feed(record[:20])
        assert server.receive() is None
        for one, other in busy:
            if one is not client:
                exchange(one, other)
                exchange(other, one)
        server.feed(record[20:])
        assert server.receive() == b"in two halves"
        if turn == 30:
            del busy[1:20:2], one, other
    exchange(*busy[0])


@direct
def test_an_engine_does_not_begin_again():
    """Whoever finds it by `gc.get_objects()` may try."""
    from tulipa._transports.tls_openssl import OpenSSLEngine

    client, server = engines(OpenSSLEngine)
    shake_hands(client, server)
    for _ in range(40):
        exchange(client, server)
    with pytest.raises(RuntimeError, match="make another one"):
        client.__init__(client_context(), False, HOST)
    exchange(client, server)
    exchange(server, client)


@direct
def test_an_engine_in_a_cycle_is_collected():
    from tulipa._transports.tls_openssl import OpenSSLEngine

    class Cycle:
        """Uses its SSLObject when it is finalized, whatever was cleared before."""

        def __init__(self, engine):
            self.engine = engine
            self.itself = self

        def __del__(self):
            try:
                self.engine.ssl_object.read(10)
            except ssl.SSLWantReadError:
                ended.append(True)

    ended = []
    client, server = engines(OpenSSLEngine)
    shake_hands(client, server)
    client.receive()
    Cycle(client)
    del client
    gc.collect()
    assert ended == [True]


@direct
def test_what_openssl_says_besides_does_not_go_lost():
    """A new key in the middle of reading, which makes output without a send."""
    from tulipa._transports.tls_openssl import OpenSSLEngine

    client, server = engines(OpenSSLEngine)
    shake_hands(client, server)
    client.receive(), server.receive()
    client.finish()
    goodbye = client.output()
    assert goodbye
    server.feed(goodbye)
    assert server.receive() == b""
    server.finish()
    assert server.output()


def _failure(kind, client, server, first=None):
    """What a handshake of two engines of this kind raises, and on which side."""
    pair = kind(client, False, HOST), kind(server, True, None)
    if first is not None:
        pair[1].feed(first)
    for _ in range(5):
        for one, other in (pair, pair[::-1]):
            try:
                one.handshake()
            except ssl.SSLError as exc:
                alert = one.output()
                return one is pair[1], type(exc), exc.args, exc.reason, getattr(exc, "verify_message", None), len(alert)
            data = one.output()
            if data:
                other.feed(data)
    raise AssertionError("the handshake does not fail")


@direct
@pytest.mark.parametrize("fault", ["plaintext", "certificate", "name", "version", "no certificate"])
def test_handshakes_fail_alike(fault):
    """Whatever engine speaks, the ssl module's exception comes out, and the alert for the peer is there."""

    def failure(name):
        client, server, first = client_context(), server_context(), None
        if fault == "plaintext":
            first = b"GET / HTTP/1.1\r\n\r\n"
        elif fault == "certificate":
            client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        elif fault == "name":
            server = server_context(name="other.example")
        elif fault == "version":
            client.maximum_version = ssl.TLSVersion.TLSv1_2
            server.minimum_version = ssl.TLSVersion.TLSv1_3
        else:
            server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        return _failure(tls_engines._engines()[name], client, server, first)

    assert failure("openssl") == failure("ssl")


@direct
def test_a_callback_for_names_is_given_an_ssl_object_of_the_ssl_module():
    seen = []
    server = server_context()
    server.sni_callback = lambda ssl_object, name, context: seen.append((name, ssl_object.version()))
    client, server = engines(tls_engines._engines()["openssl"], server=server)
    shake_hands(client, server)
    assert [name for name, _ in seen] == [HOST]
    client.receive(), server.receive()
    exchange(client, server)
    exchange(server, client)


@pytest.mark.parametrize("name", tls_engines.engine_names())
def test_a_handshake_of_the_context_s_own_class_is_kept(name):
    """Who gives the context an SSLObject of his own sees the handshake, as with asyncio."""
    seen = []

    class Watched(ssl.SSLObject):
        def do_handshake(self):
            seen.append(self.server_side)
            super().do_handshake()

    context = client_context()
    context.sslobject_class = Watched
    client, server = engines(tls_engines._engines()[name], client=context)
    shake_hands(client, server)
    assert seen and not any(seen)
    server.receive(), client.receive()
    exchange(client, server)
    exchange(server, client)


def test_threads_have_engines_of_their_own():
    """Loops in several threads share the library, and nothing else."""

    def work(number):
        client, server = engines(tls_engines._engines()[tls_engines.engine_names()[0]])
        shake_hands(client, server)
        client.receive(), server.receive()
        for turn in range(200):
            data = [str(number * turn).encode() * 50] * 20
            assert client.send_many(data, 0) > 0
            server.feed(client.output())
            assert b"".join(data).startswith(server.receive())

    async def main():
        await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(4)))

    asyncio.run(main())
