"""What every kind of transport tells: its protocol of the connection, others of what went wrong."""

from asyncio.log import logger

_IGNORED_WRITES_TO_WARN = 5


def tell_made(transport, protocol):
    """connection_made; what it raises is reported, and changes nothing."""
    try:
        protocol.connection_made(transport)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        report(transport, exc, "protocol.connection_made() failed")
    return 0


def tell_writing(transport, protocol, paused):
    """pause_writing or resume_writing; as `tell_made`."""
    try:
        if paused:
            protocol.pause_writing()
        else:
            protocol.resume_writing()
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        report(transport, exc, f"protocol.{'pause' if paused else 'resume'}_writing() failed")
    return 0


def report(transport, exc, message):
    """Tell the loop's exception handler."""
    transport._loop.call_exception_handler(
        {"message": message, "exception": exc, "transport": transport, "protocol": transport._protocol}
    )
    return 0


def report_fatal(transport, exc, message, debug):
    """As `report`, of what ends the transport; a lost connection is no news."""
    if not isinstance(exc, OSError):
        report(transport, exc, message)
    elif debug:
        logger.debug("%r: %s", transport, message, exc_info=exc)
    return 0


def warn_ignored(transport, ignored_writes):
    """Somebody goes on writing to what is closed, for so many times already."""
    if ignored_writes == _IGNORED_WRITES_TO_WARN:
        logger.warning("writing to %r, which is closed: check is_closing(), or await drain()", transport)
    return 0


def warn_unsent(transport, size):
    """It has to close while so many bytes wait."""
    logger.warning("%r: %d bytes can't be sent any more; close transports and await connection_lost() "
                   "before loop.close()", transport, size)
    return 0
