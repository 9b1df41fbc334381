"""One subscriber's stream: RecordIO in HTTP chunks, with whatever is made to go wrong."""

import asyncio
import collections
import time

from .http import chunk, head
from .messages import HEARTBEAT

PIECE_BYTES = 1 << 20  # of a large record, per HTTP chunk


def record_io(record):
    return b"%d\n" % len(record) + record


class Cut(Exception):
    """The fault `cut_after_bytes` has struck."""


class Stream:
    """`run` is its life; all else puts things into it."""

    def __init__(self, reader, writer, faults, heartbeat_s):
        self.reader, self.writer = reader, writer
        self.faults, self.heartbeat_s = faults, heartbeat_s
        self.pending = collections.deque()
        self.wake = asyncio.Event()
        self.sent_bytes = 0
        self.closed = False
        self.subscribed_ns = 0  # when the last byte of SUBSCRIBED had gone

    async def run(self, subscribed, when_sent):
        """Until the subscriber or a command ends it. `subscribed`: the first record in parts;
        when_sent(self) is called when its last byte has gone."""
        self.writer.transport.set_write_buffer_limits(high=0)
        self.writer.write(head(200, {"Content-Type": "application/json",
                                     "Transfer-Encoding": "chunked"}))
        tasks = [asyncio.ensure_future(step) for step in
                 (self._write_all(subscribed, when_sent), self._beat(), self.reader.read())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.close()

    def send(self, record):
        """A record after all that wait; if nothing holds it up, it is written at once."""
        if not self.faults.silent:
            self.send_raw(record_io(self.faults.record(record)))

    def send_raw(self, data):
        plain = not (self.faults.delay_ms or self.faults.drip_bytes or self.faults.chunk_bytes or
                     self.faults.cut_after_bytes)
        if self.closed:
            return
        if plain and self.subscribed_ns and not self.pending:
            self.writer.write(chunk(data))
            self.sent_bytes += len(data)
        else:
            self.pending.append(data)
            self.wake.set()

    def close(self):
        """At once, with what the kernel has not sent yet."""
        if not self.closed:
            self.closed = True
            self.writer.transport.abort()

    async def _write_all(self, subscribed, when_sent):
        try:
            await self._write(b"%d\n" % sum(map(len, subscribed)))
            for part in subscribed:
                await self._write(part)
            self.subscribed_ns = time.monotonic_ns()
            when_sent(self)
            while True:
                while self.pending:
                    data = self.pending[0]
                    await self._write(data)
                    self.pending.popleft()
                self.wake.clear()
                await self.wake.wait()
        except (Cut, ConnectionError):
            pass

    async def _write(self, data):
        faults = self.faults
        if faults.delay_ms:
            await asyncio.sleep(faults.delay_ms / 1000)
        size = faults.drip_bytes or faults.chunk_bytes or PIECE_BYTES
        view = memoryview(data)
        for start in range(0, len(view), size):
            piece = view[start:start + size]
            if faults.cut_after_bytes and faults.cut_times > 0:
                left = faults.cut_after_bytes - self.sent_bytes
                if len(piece) >= left:
                    faults.cut_times -= 1
                    self.writer.write(chunk(bytes(piece[:max(left, 1)])))
                    await self.writer.drain()
                    raise Cut
            self.writer.write(chunk(piece))
            self.sent_bytes += len(piece)
            await self.writer.drain()
            if faults.drip_bytes:
                await asyncio.sleep(faults.drip_ms / 1000)

    async def _beat(self):
        """At once, and then every heartbeat_s whether or not events flow."""
        while True:
            self.send(HEARTBEAT)
            await asyncio.sleep(self.heartbeat_s)
