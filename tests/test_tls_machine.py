"""The TLS machine by itself, without a loop: its table of states, any chunking of the stream, both engines."""

import ssl

import pytest
from helpers.cases import tulipa
from helpers.tls import HOST, VERSIONS, client_context, server_context
from hypothesis import given, settings
from hypothesis import strategies as st

if tulipa is None:
    pytest.skip("tulipa is not installed", allow_module_level=True)

from tulipa._transports import tls_engines
from tulipa._transports.tls_machine import TLSMachine

HANDSHAKE, OPEN, PEER_DONE, SHUTDOWN, CLOSED = range(5)
NEED_DATA, CONNECTED, DATA, ENDED, OVER = range(5)
ENGINES = tls_engines.engine_names()
CONTEXTS = {version: (client_context(version), server_context(version)) for version in VERSIONS}

engines = pytest.mark.parametrize("engine", ENGINES)
versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


def machines(version=VERSIONS[1], engine=None):
    """A client's machine and a server's, before the handshake."""
    client, server = CONTEXTS[version]
    make = tls_engines._engines()[engine or ENGINES[0]]
    return TLSMachine(make(client, False, HOST)), TLSMachine(make(server, True, None))


def carry(source, target):
    """Feed what `source` has to send to `target`; whether there was something."""
    data = source.output()
    if data:
        target.feed(data)
    return bool(data)


def connected(version=VERSIONS[1], engine=None):
    pair = machines(version, engine)
    waiting = set(pair)
    for _ in range(10):
        for one, other in (pair, pair[::-1]):
            if one in waiting and one.next_event() == CONNECTED:
                waiting.remove(one)
            carry(one, other)
        if not waiting:
            return pair
    raise AssertionError("the handshake does not end")


def send(machine, data):
    """Encrypt all of `data`; the ciphertext."""
    ciphertext = b""
    while data:
        taken = machine.engine.send(data)
        assert taken > 0
        data = data[taken:]
        ciphertext += machine.output()
    return ciphertext


def received(machine):
    """All events until it needs data, with the plaintext together."""
    events, data = [], b""
    while (event := machine.next_event()) != NEED_DATA:
        if event == DATA:
            data += machine.data
        events.append(event)
        if event in (ENDED, OVER):
            break
    return events, data


# --- the table ---------------------------------------------------------------------------------


@engines
@versions
def test_from_hello_to_goodbye(engine, version):
    client, server = connected(version, engine)
    assert client.state == server.state == OPEN
    server.feed(send(client, b"question"))
    assert received(server) == ([DATA], b"question")
    client.shutdown()
    assert client.state == SHUTDOWN
    assert client.next_event() == NEED_DATA
    carry(client, server)
    assert received(server) == ([ENDED], b"")
    assert server.state == PEER_DONE
    assert server.next_event() == NEED_DATA
    answer = send(server, b"answer after the end")
    server.shutdown()
    assert server.state == CLOSED and server.next_event() == OVER
    client.feed(answer)
    assert client.next_event() == NEED_DATA
    carry(server, client)
    assert client.next_event() == OVER
    assert client.state == CLOSED


@engines
def test_both_say_goodbye_at_once(engine):
    client, server = connected(engine=engine)
    client.shutdown()
    server.shutdown()
    carry(client, server)
    carry(server, client)
    assert client.next_event() == server.next_event() == OVER


@engines
def test_end_of_the_stream(engine):
    client, server = connected(engine=engine)
    server.feed(send(client, b"some") + send(client, b"more")[:10])
    server.feed_eof()
    assert received(server) == ([DATA, ENDED], b"some")
    server.shutdown()
    assert server.state == CLOSED
    assert server.output() == b"", "there is nobody to say it to"


@engines
def test_end_of_the_stream_after_our_goodbye(engine):
    client, server = connected(engine=engine)
    client.shutdown()
    client.feed_eof()
    assert client.next_event() == OVER


@engines
def test_end_of_the_stream_in_the_handshake(engine):
    client, _ = machines(engine=engine)
    assert client.next_event() == NEED_DATA
    client.feed_eof()
    with pytest.raises(ConnectionResetError, match="handshake"):
        client.next_event()
    assert client.state == CLOSED


@engines
def test_shutdown_before_the_handshake_is_over(engine):
    client, _ = machines(engine=engine)
    client.shutdown()
    assert client.state == CLOSED and client.next_event() == OVER


@engines
def test_error_leads_to_closed_and_an_alert(engine):
    client, server = connected(engine=engine)
    server.feed(b"\x17\x03\x03\x00\x30" + bytes(0x30))
    with pytest.raises(ssl.SSLError):
        server.next_event()
    assert server.state == CLOSED
    assert carry(server, client)
    with pytest.raises(ssl.SSLError, match="SSLV3_ALERT_BAD_RECORD_MAC"):
        client.next_event()


@engines
def test_reading_into_memory(engine):
    client, server = connected(engine=engine)
    server.feed(send(client, b"0123456789"))
    buffer = bytearray(4)
    read = b""
    while server.next_event(buffer) == DATA:
        read += buffer[: server.size]
    assert read == b"0123456789"


def test_the_engines_make_the_same_errors():
    """What the ssl module says of a broken stream, the direct engine says too."""
    if len(ENGINES) < 2:
        pytest.skip("there is only one engine here")
    for garbage in (b"\x17\x03\x03\x00\x30" + bytes(0x30), b"GET / HTTP/1.1\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"):
        for version in VERSIONS:
            errors = []
            for engine in ENGINES:
                _, server = connected(version, engine)
                server.feed(garbage)
                with pytest.raises(ssl.SSLError) as caught:
                    server.next_event()
                errors.append(caught.value)
            one, other = errors
            assert type(one) is type(other)
            assert (one.errno, one.library, one.reason) == (other.errno, other.library, other.reason)
            assert str(other).startswith(str(one) + " (_ssl.c:"), "the ssl module adds a line of its source"


@engines
def test_the_application_may_keep_the_ssl_object(engine):
    client, _ = connected(engine=engine)
    ssl_object = client.engine.ssl_object
    del client
    with pytest.raises(ssl.SSLWantReadError):
        ssl_object.read(10)
    ssl_object.write(b"to nobody")
    with pytest.raises(ssl.SSLWantReadError):
        ssl_object.unwrap()


@engines
def test_the_application_may_use_the_ssl_object(engine):
    client, server = connected(engine=engine)
    client.engine.ssl_object.write(b"past the machine")
    server.feed(send(client, b", and through it"))
    assert received(server)[1] == b"past the machine, and through it"
    server.feed(send(client, b"peek"))
    assert server.engine.ssl_object.read(2) == b"pe"
    assert received(server)[1] == b"ek"


@versions
def test_callbacks_stay_with_the_ssl_module(version, tmp_path):
    client, server = client_context(version), server_context(version)
    messages = []
    client._msg_callback = lambda *args: messages.append(args)
    server.keylog_filename = str(tmp_path / "keys")
    make = tls_engines._engines()[ENGINES[0]]
    pair = TLSMachine(make(client, False, HOST)), TLSMachine(make(server, True, None))
    for _ in range(5):
        for one, other in (pair, pair[::-1]):
            if one.state == HANDSHAKE:
                one.next_event()
            carry(one, other)
    before = len(messages)
    pair[1].feed(send(pair[0], b"data"))
    assert received(pair[1])[1] == b"data"
    assert len(messages) > before
    assert (tmp_path / "keys").read_text()


# --- any chunking ------------------------------------------------------------------------------


# Where a stream is cut, in thousandths of it: handshakes differ in length from one run to the next.
CUTS = st.lists(st.integers(0, 1000), max_size=8).map(sorted)


def cut(whole, places):
    at = [place * len(whole) // 1000 for place in places]
    return [whole[start:end] for start, end in zip([0, *at], [*at, len(whole)], strict=True) if start < end]


@given(places=st.lists(CUTS, min_size=1, max_size=6), version=st.sampled_from(VERSIONS),
       engine=st.sampled_from(ENGINES))
@settings(max_examples=40, deadline=None)
def test_handshake_in_any_pieces(places, version, engine):
    client, server = machines(version, engine)
    events = {client: [], server: []}
    for turn in range(10):
        for one, other in ((client, server), (server, client)):
            if one.state == HANDSHAKE:
                events[one].append(one.next_event())
            for piece in cut(one.output(), places[turn % len(places)]):
                other.feed(piece)
                if other.state == HANDSHAKE:
                    events[other].append(other.next_event())
    assert events[client][-1] == events[server][-1] == CONNECTED
    server.feed(send(client, b"works"))
    assert received(server)[1] == b"works"


PLAINTEXTS = st.lists(
    st.one_of(st.binary(min_size=1, max_size=50), st.integers(1, 70_000).map(lambda size: b"x" * size)), max_size=6
)


@given(places=CUTS, pieces=PLAINTEXTS, version=st.sampled_from(VERSIONS), engine=st.sampled_from(ENGINES),
       size=st.sampled_from([None, 1, 100, 100_000]), end=st.sampled_from(["goodbye", "eof"]))
@settings(max_examples=150, deadline=None)
def test_stream_in_any_pieces(places, pieces, version, engine, size, end):
    """Every byte comes out once and in order, however it was cut, then the end."""
    client, server = connected(version, engine)
    received(server)
    ciphertext = b"".join(send(client, piece) for piece in pieces)
    if end == "goodbye":
        client.shutdown()
        ciphertext += client.output()
    buffer = None if size is None else bytearray(size)
    plain, ended = b"", False
    for piece in cut(ciphertext, places):
        server.feed(piece)
        while (event := server.next_event(buffer)) == DATA:
            plain += server.data if buffer is None else bytes(buffer[: server.size])
        ended = ended or event == ENDED
    if end == "eof":
        assert not ended
        server.feed_eof()
        ended = server.next_event(buffer) == ENDED
    assert plain == b"".join(pieces)
    assert ended and server.state == PEER_DONE
    assert server.engine.pending() == 0


@given(where=st.integers(0, 1000), pieces=PLAINTEXTS.filter(bool), engine=st.sampled_from(ENGINES))
@settings(max_examples=100, deadline=None)
def test_a_stream_with_one_bit_changed_is_never_believed(where, pieces, engine):
    client, server = connected(engine=engine)
    received(server)
    ciphertext = bytearray(b"".join(send(client, piece) for piece in pieces))
    place = (len(ciphertext) * 8 - 1) * where // 1000
    ciphertext[place // 8] ^= 1 << place % 8
    server.feed(bytes(ciphertext))
    server.feed_eof()
    plain, failed = b"", False
    try:
        while (event := server.next_event()) == DATA:
            plain += server.data
    except ssl.SSLError:
        failed = True
    whole = b"".join(pieces)
    assert whole.startswith(plain) and plain != whole
    assert failed or event == ENDED


@given(pieces=st.lists(st.binary(min_size=1, max_size=40_000), min_size=1, max_size=64),
       engine=st.sampled_from(ENGINES), skipped=st.integers(0, 10))
@settings(max_examples=60, deadline=None)
def test_pieces_go_together(pieces, engine, skipped):
    client, server = connected(engine=engine)
    skipped = min(skipped, len(pieces[0]) - 1)
    whole = b"".join(pieces)[skipped:]
    taken = client.engine.send_many(pieces, skipped)
    assert 0 < taken <= len(whole)
    server.feed(client.output())
    assert received(server)[1] == whole[:taken]
