"""CPython's own tests of asyncio, unmodified, with tulipa in asyncio's place: ``make conformance``."""
