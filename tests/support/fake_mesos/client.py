"""How tests reach the masters: FakeMaster has them in this process, FakeMasterControl talks to
those of another one through a UNIX socket, which works across network namespaces. Both know the same
commands."""

import asyncio
import json
import os
import socket
import threading

from .cluster import Cluster, CommandError
from .commands import Commands
from .server import Masters, Options

LINE_LIMIT_BYTES = 64 << 20


class Caller:
    """`caller.add_task(name="redis", …)` is {"op": "add_task", …}; see commands.py."""

    def call(self, op, **arguments):
        """Returns the answer; raises CommandError."""
        raise NotImplementedError

    def __getattr__(self, op):
        if op.startswith("_"):
            raise AttributeError(op)
        return lambda **arguments: self.call(op, **arguments)


class FakeMaster(Caller):
    """The masters on a thread of this process; a context manager."""

    def __init__(self, control=None, **options):
        """`control`: path of a UNIX socket for FakeMasterControl. `options`: see server.Options."""
        self.control_path = control
        self.loop = asyncio.new_event_loop()
        self.masters = Masters(Options(**options), Cluster())
        self.commands = Commands(self.masters)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        try:
            self._run(self._start())
        except BaseException:
            self.loop.call_soon_threadsafe(self.loop.stop)
            raise

    @property
    def ports(self):
        return [master.port for master in self.masters.masters]

    def call(self, op, **arguments):
        return self._run(self.commands.run({"op": op, **arguments}))

    def close(self):
        self._run(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    async def _start(self):
        await self.masters.start()
        if self.control_path:
            self.control = await asyncio.start_unix_server(
                self._serve_control, self.control_path, limit=LINE_LIMIT_BYTES)

    async def _stop(self):
        await self.masters.stop()
        if self.control_path:
            self.control.close()
            os.unlink(self.control_path)
        # The connections' tasks end by themselves; none may outlive the loop.
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve_control(self, reader, writer):
        """A command a line, an answer a line."""
        try:
            while line := await reader.readline():
                try:
                    answer = await self.commands.run(json.loads(line))
                except (CommandError, ValueError) as error:
                    answer = {"error": str(error)}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # the test has ended
        finally:
            writer.close()


class FakeMasterControl(Caller):
    """Masters in another process. Not for two threads at once."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self._reader = self.socket.makefile("rb")

    def begin(self, op, **arguments):
        """Gives a command and does not wait: `socket` is readable when finish() has its answer."""
        self.socket.sendall(json.dumps({"op": op, **arguments}).encode() + b"\n")

    def finish(self):
        line = self._reader.readline()
        if not line:
            raise CommandError("the fake master has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise CommandError(answer["error"])
        return answer

    def call(self, op, **arguments):
        self.begin(op, **arguments)
        return self.finish()

    def close(self):
        self._reader.close()
        self.socket.close()
