"""A bare ASGI application, without a framework: tells the event loop it runs on, and returns what is sent to it.

    uvicorn --app-dir examples asgi_app:app
    uvicorn --app-dir examples --loop tulipa:new_event_loop asgi_app:app
"""

import asyncio


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/loop":
        loop = type(asyncio.get_running_loop())
        await start(send, 200)
        await finish(send, f"{loop.__module__}.{loop.__qualname__}\n".encode())
    elif scope["type"] == "http" and scope["path"] == "/echo":
        await echo(receive, send)
    elif scope["type"] == "http":
        await start(send, 404)
        await finish(send, b"there are /loop and /echo\n")
    else:
        raise NotImplementedError(f"no {scope['type']} here")


async def lifespan(receive, send):
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


async def echo(receive, send):
    """Send each piece of the request's body back as it arrives."""
    await start(send, 200)
    while (event := await receive())["type"] == "http.request":
        await send({"type": "http.response.body", "body": event["body"], "more_body": event["more_body"]})
        if not event["more_body"]:
            return


async def start(send, status):
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def finish(send, body):
    await send({"type": "http.response.body", "body": body})
