"""TLS. The loop's own transports are elsewhere; here is what other loops build theirs from."""

__all__ = ()
