"""Load and measuring of the API, as processes of their own on one CPU: api_clients.py WHAT PORT …

  abuse PORT          idle and slow connections, bodies over the limit, malformed requests, and many
                      clients that ask in parallel, until stdin ends
  lists PORT          as many that ask for all services, again and again; when stdin ends, a line of JSON:
                      how many were answered, and the longest that one waited, in seconds
  spin SHARE          asks nothing, and takes that share of its CPU; says so when it has begun; until
                      stdin ends
  probe PORT TARGET…  asks for the targets in turn on a connection that stays; says so when it has begun;
                      when stdin ends, a line of JSON: the milliseconds of each answer, by target
"""

import asyncio
import http.client
import json
import pathlib
import random
import select
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/cli"))

import api_malice  # noqa: E402

IDLE, SLOW, PARALLEL = 1000, 1000, 100
PAUSE_S = 0.2  # of each of the parallel clients
PROBE_PAUSE_S = 0.005
SPIN_TURN_S = 0.01
OVER_LIMIT = 65 << 20
TARGETS = ("/healthz", "/api/v1/services?name=load-0", "/api/v1/snapshot", "/metrics",
           "/api/v1/counters", "/api/v1/sources")


async def run_until_told(clients):
    """Lets them run until the standard input ends, or one of them does, which says why."""
    running = [asyncio.create_task(client) for client in clients]
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    done, _ = await asyncio.wait([ended, *running], return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    for task in done:
        task.result()  # of a client that was not answered: why


class Abuse:
    def __init__(self, port):
        self.port = port
        self.hostile = [data for _, data, _ in api_malice.requests("")]
        self.draw = random.Random(1)

    def connect(self):
        return asyncio.open_connection("127.0.0.1", self.port)

    async def idle(self):
        while True:
            reader, writer = await self.connect()
            await reader.read()
            writer.close()

    async def slow(self):
        """A header, an octet at a time, until the gateway has had enough."""
        while True:
            reader, writer = await self.connect()
            try:
                for octet in api_malice.request("GET /healthz HTTP/1.1", "Name: " + "x" * 1000):
                    writer.write(bytes([octet]))
                    await writer.drain()
                    await asyncio.sleep(self.draw.uniform(0.5, 1.5))
                    if reader.at_eof():
                        break
            except OSError:
                pass
            writer.close()

    async def once(self, data):
        try:
            reader, writer = await self.connect()
            writer.write(data)
            await writer.drain()
            while await reader.read(65536):
                pass
            writer.close()
        except OSError:  # it was refused before all of it was taken
            pass

    async def malformed(self):
        while True:
            for data in self.hostile:
                await self.once(data)
                await asyncio.sleep(0.01)

    async def over_limit(self):
        """What is announced is refused at once; what comes in chunks, when it is too much."""
        while True:
            await self.once(api_malice.put(f"Content-Length: {OVER_LIMIT}", body=bytes(1 << 20)))
            await asyncio.sleep(0.1)

    async def parallel(self):
        await asyncio.sleep(self.draw.uniform(0, PAUSE_S))
        reader, writer = await self.connect()
        while True:
            target = self.draw.choice(TARGETS)
            writer.write(api_malice.request(f"GET {target} HTTP/1.1"))
            header = await reader.readuntil(b"\r\n\r\n")
            length = header.lower().split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            await asyncio.sleep(PAUSE_S)

    async def run(self):
        tasks = [self.idle() for _ in range(IDLE)] + [self.slow() for _ in range(SLOW)]
        tasks += [self.parallel() for _ in range(PARALLEL)]
        tasks += [self.malformed(), self.over_limit()]
        await run_until_told(tasks)


class Lists:
    """Clients that want the longest list there is."""

    def __init__(self, port):
        self.port, self.answered, self.longest_s = port, 0, 0

    async def client(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        while True:
            began = time.monotonic()
            writer.write(api_malice.request(f"GET {api_malice.LIST} HTTP/1.1"))
            header = await reader.readuntil(b"\r\n\r\n")
            if not header.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(f"the list: {header.decode('latin-1')}")
            left = int(header.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            while left:
                block = await reader.read(min(left, 1 << 20))
                if not block:
                    raise SystemExit("the list broke off")
                left -= len(block)
            self.answered += 1
            self.longest_s = max(self.longest_s, time.monotonic() - began)

    async def run(self):
        await run_until_told([self.client() for _ in range(PARALLEL)])
        print(json.dumps({"answered": self.answered, "longest_s": round(self.longest_s, 3)}))


def probe(port, targets):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    took = {target: [] for target in targets}
    while not select.select([sys.stdin], [], [], PROBE_PAUSE_S)[0]:
        for target in targets:
            began = time.monotonic()
            connection.request("GET", target)
            reply = connection.getresponse()
            reply.read()
            took[target].append(1e3 * (time.monotonic() - began))
            if reply.status != 200:
                raise SystemExit(f"{target}: {reply.status}")
        if len(took[targets[-1]]) == 1:
            print("asking", flush=True)
    print(json.dumps(took))


def spin(share):
    """In turns of some milliseconds, as the clients' answers come."""
    print("spinning", flush=True)
    while not select.select([sys.stdin], [], [], SPIN_TURN_S * (1 - share))[0]:
        end_s = time.thread_time() + SPIN_TURN_S * share
        while time.thread_time() < end_s:
            pass


if __name__ == "__main__":
    if sys.argv[1] == "abuse":
        asyncio.run(Abuse(int(sys.argv[2])).run())
    elif sys.argv[1] == "lists":
        asyncio.run(Lists(int(sys.argv[2])).run())
    elif sys.argv[1] == "spin":
        spin(float(sys.argv[2]))
    else:
        probe(int(sys.argv[2]), sys.argv[3:])
