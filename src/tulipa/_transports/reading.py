"""The reading half of a transport, the same for streams and pipes: from its endpoint to its protocol."""


def receive(transport):
    """Give what is there to the protocol; at the end, close unless the protocol wants to go on writing."""
    if transport._is_buffered:
        _receive_into_protocol(transport)
        return 0
    data = None
    try:
        data = transport._endpoint.receive()
        if data:
            if transport._sink is not None:
                transport._sink._take_data(data)
            else:
                transport._protocol.data_received(data)
            return 0
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        what = "Fatal error: protocol.data_received() call failed." if data else "Fatal read error on transport"
        transport._fatal_error(exc, what)
        return 0
    if data is not None:
        _receive_eof(transport)
    return 0


def reads(transport):
    """Whether data is being given to the protocol."""
    return not transport._closing and not transport._paused


def pause(transport):
    """Give no data to the protocol until `resume`; harmless when paused or closing."""
    if reads(transport):
        transport._paused = True
        transport._update_interest()
    return 0


def resume(transport):
    """Give data to the protocol again; harmless when it is or when closing."""
    if transport._paused and not transport._closing:
        transport._paused = False
        transport._update_interest()
    return 0


def _receive_into_protocol(transport):
    try:
        buffer = transport._protocol.get_buffer(-1)
        if not len(buffer):
            raise RuntimeError("get_buffer() returned an empty buffer; it must have room for a byte at least")
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        transport._fatal_error(exc, "Fatal error: protocol.get_buffer() call failed.")
        return 0
    try:
        size = transport._endpoint.receive_into(buffer)
    except OSError as exc:
        transport._fatal_error(exc, "Fatal read error on transport")
        return 0
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        transport._fatal_error(exc, "Fatal error: protocol.get_buffer() gave no writable buffer.")
        return 0
    if size < 0:
        return 0
    if size == 0:
        _receive_eof(transport)
        return 0
    try:
        transport._protocol.buffer_updated(size)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        transport._fatal_error(exc, "Fatal error: protocol.buffer_updated() call failed.")
    return 0


def _receive_eof(transport):
    """The peer sends no more: close, unless the protocol wants to go on writing."""
    transport._eof_read = True
    keep_open = False
    try:
        keep_open = transport._protocol.eof_received()
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        transport._fatal_error(exc, "Fatal error: protocol.eof_received() call failed.")
    finally:
        if keep_open:
            transport._update_interest()
        else:
            transport.close()
    return 0
