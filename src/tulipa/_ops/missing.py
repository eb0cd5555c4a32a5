"""What this release does not have yet: calling it says so."""


def _not_yet(name, what):
    async def method(loop, *args, **kwargs):
        raise NotImplementedError(
            f"this release of tulipa does not have loop.{name}() yet ({what}); "
            "run the program on the standard loop, or that part in asyncio.to_thread()"
        )

    method.__name__ = name
    method.__qualname__ = f"EventLoop.{name}"
    method.__doc__ = f"Not in this release: {what}. Raises NotImplementedError."
    return method


start_tls = _not_yet("start_tls", "TLS on an open connection")
