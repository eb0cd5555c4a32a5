"""The lines of docs/ecosystem.md that turn tulipa on: each is run as it stands there, and its loop is looked at."""

import re
import sys
from pathlib import Path

import pytest
from helpers.processes import run_source

pytest.importorskip("tulipa")

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "ecosystem.md"

# What a line needs before it, and around it. LOOP is where the loop is kept, for the end to look at.
PRELUDE = """
import asyncio, sys, tulipa
seen = []
async def main():
    seen.append((asyncio.get_running_loop(), asyncio.current_task()))
"""
FINALE = """
[(loop, task)] = seen
assert type(loop) is tulipa.EventLoop and type(task) is tulipa.Task, seen
"""

# The line in the document, what it needs, and a program in which LINE is replaced by it.
LINES = {
    "tulipa.run(main())": ((), "LINE"),
    "asyncio.run(main(), loop_factory=tulipa.EventLoop)": ((), "LINE"),
    "anyio.run(main, backend_options={\"loop_factory\": tulipa.EventLoop})": (("anyio",), "import anyio\nLINE"),
    "web.run_app(app, loop=tulipa.new_event_loop())": (("aiohttp",), """
import os, signal
from aiohttp import web
async def stop(app):
    await main()
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
app = web.Application()
app.on_startup.append(stop)
LINE
"""),
    "uvicorn.run(app, loop=\"tulipa:new_event_loop\")": (("uvicorn",), """
import logging, uvicorn
logging.disable()
async def app(scope, receive, send):
    assert (await receive())["type"] == "lifespan.startup"
    await main()
    await send({"type": "lifespan.startup.failed", "message": "enough seen"})
uvicorn.run.__kwdefaults__.update(log_config=None, port=0)
try:
    LINE
except SystemExit:
    pass
"""),
    "TestClient(app, backend_options={\"loop_factory\": tulipa.EventLoop})": (("starlette", "httpx"), """
import warnings
warnings.simplefilter("ignore")  # starlette's newer releases want another client
from starlette.testclient import TestClient
async def app(scope, receive, send):
    await main()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"tulip"})
assert LINE.get("/").content == b"tulip"
"""),
    "asyncio.set_event_loop_policy(tulipa.EventLoopPolicy())": (("tornado",), """
import warnings
LINE
from tornado.ioloop import IOLoop
IOLoop.current().run_sync(main)
IOLoop.current().close(all_fds=True)
"""),
    "loop_factory = tulipa.EventLoop": ((), """
import unittest
class Case(unittest.IsolatedAsyncioTestCase):
    LINE
    async def test(self):
        await main()
assert unittest.main(exit=False, testRunner=unittest.TextTestRunner(stream=sys.stdout)).result.wasSuccessful()
"""),
}

SINCE = {
    "asyncio.run(main(), loop_factory=tulipa.EventLoop)": (3, 12),
    "loop_factory = tulipa.EventLoop": (3, 13),
}


@pytest.mark.parametrize("line", LINES)
def test_line_of_the_document(line):
    if sys.version_info < SINCE.get(line, (3, 11)):
        pytest.skip("Python {}.{} or later".format(*SINCE[line]))
    needs, program = LINES[line]
    for name in needs:
        pytest.importorskip(name, reason=f"{name} isn't installed")
    finished = run_source(PRELUDE + program.replace("LINE", line) + FINALE, options=["-W", "error"])
    assert (finished.returncode, finished.stderr) == (0, ""), finished


def test_document_has_these_lines():
    code = set(re.findall("`([^`]+)`", DOCUMENT.read_text()))
    assert set(LINES) <= code
