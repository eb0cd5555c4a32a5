from asyncio.sslproto import SSLProtocol as SSLProtocol

__all__: tuple[str, ...]
