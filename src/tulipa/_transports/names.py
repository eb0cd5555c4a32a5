"""The names of a connection's two ends, noted in little memory: most programs never ask for them.

Only compiled code calls these; interpreted, and for other families, the `socket` module is asked at once.
"""

try:
    import cython
except ImportError:
    from tulipa._cython_shim import cython

if not cython.compiled:  # compiled, the .pxd declares them
    from tulipa._transports.addresses import address_of


def name_of(noted):
    """What getsockname() and getpeername() of the `socket` module tell."""
    memcpy(cython.address(raw), noted, cython.sizeof(end_name))
    return address_of(cython.address(raw), cython.sizeof(end_name))
