"""unittest's IsolatedAsyncioTestCase: set-up and clean-up on one loop, contexts, failures, a server and its clients."""

import asyncio
import contextvars
import sys
import unittest

from support import LARGE, LOOPBACK, MODE, asyncio_log, check_classes, open_descriptors, reports

colour = contextvars.ContextVar("colour", default="none")

if MODE == "loop":
    import tulipa

    if sys.version_info < (3, 13):
        # What was before IsolatedAsyncioTestCase.loop_factory.
        asyncio.set_event_loop_policy(tulipa.EventLoopPolicy())


class EchoTest(unittest.IsolatedAsyncioTestCase):
    if MODE == "loop":
        loop_factory = tulipa.EventLoop

    def setUp(self):
        colour.set("red")

    async def asyncSetUp(self):
        check_classes(("unittest",))
        self.assertEqual(colour.get(), "red")
        colour.set("white")
        self.loop = asyncio.get_running_loop()
        self.ended = asyncio.Semaphore(0)
        self.server = await self.enterAsyncContext(await asyncio.start_server(self.serve, LOOPBACK, 0))
        self.addAsyncCleanup(self.clean_up)

    async def serve(self, reader, writer):
        while piece := await reader.read(100_000):
            writer.write(piece)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        self.ended.release()

    async def clean_up(self):
        self.assertEqual(colour.get(), "yellow")
        self.assertIs(asyncio.get_running_loop(), self.loop)

    async def exchange(self, data):
        reader, writer = await asyncio.open_connection(*self.server.sockets[0].getsockname())
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(reader.readexactly(len(data)))
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        return reading.result()

    async def test_clients(self):
        self.assertEqual(colour.get(), "white")
        colour.set("yellow")
        self.assertIs(asyncio.get_running_loop(), self.loop)
        data = [LARGE[number:] for number in range(5)]
        self.assertEqual(await asyncio.gather(*map(self.exchange, data)), data)
        for _ in data:
            await self.ended.acquire()

    async def test_failure_is_told(self):
        colour.set("yellow")
        with self.assertRaisesRegex(ExceptionGroup, "TaskGroup"):
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(60))
                group.create_task(self.fail_soon())

    async def fail_soon(self):
        await asyncio.sleep(0)
        raise ValueError("tulip")

    async def test_task_left_is_cancelled(self):
        colour.set("yellow")
        left = asyncio.create_task(asyncio.Event().wait())
        left.add_done_callback(lambda task: self.assertTrue(task.cancelled()))

    async def asyncTearDown(self):
        self.assertEqual(colour.get(), "yellow")
        self.assertIs(asyncio.get_running_loop(), self.loop)


if __name__ == "__main__":
    before = open_descriptors()
    with asyncio_log():
        runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2)
        result = unittest.main(testRunner=runner, exit=False).result
    assert result.wasSuccessful() and result.testsRun == 3
    assert not reports, reports
    assert len(open_descriptors()) == len(before), (before, open_descriptors())
