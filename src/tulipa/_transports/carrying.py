"""What others ask a transport most often, without a Python call where it is one of ours.

A transport whose attributes somebody has set is asked like any other: its methods may be among them.
"""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

from tulipa._transports.life import Layer
from tulipa._transports.writing import WritingTransport


def carry(transport, data):
    """``transport.write(data)``, for bytes."""
    if cython.compiled:
        if isinstance(transport, WritingTransport):
            if is_untouched(transport):
                return cython.cast(WritingTransport, transport)._carry(data)
        elif isinstance(transport, Layer) and is_untouched(transport):
            return cython.cast(Layer, transport)._carry(data)
    transport.write(data)
    return 0


def is_ending(transport):
    """``transport.is_closing()``."""
    if cython.compiled:
        if isinstance(transport, WritingTransport):
            if is_untouched(transport):
                return cython.cast(WritingTransport, transport)._closing
        elif isinstance(transport, Layer) and is_untouched(transport):
            return cython.cast(Layer, transport)._is_ending()
    return transport.is_closing()
