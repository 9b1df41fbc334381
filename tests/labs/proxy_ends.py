#!/usr/bin/python3
"""The two ends of a connection whose server learns of its client by PROXY protocol version 2.

serve ADDRESS PORT   Ends what does not begin with a header. Answers HTTP on connections that are a
                     proxy's own (LOCAL), as health checks. On others takes in a length (8 bytes) and
                     so many bytes, and answers with a line of JSON, what it has seen, and the bytes.
ask ADDRESS PORT N   Sends N bytes and checks all that comes back.
"""

import asyncio
import hashlib
import ipaddress
import json
import os
import socket
import struct
import sys

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
LOCAL, PROXY = 0x20, 0x21
ADDRESS_BYTES = {0x11: 4, 0x21: 16}  # TCP over IPv4, IPv6
LIMIT_S = 20


async def read_header(reader):
    """(source, source port, destination, destination port), or None for LOCAL."""
    start = await reader.readexactly(16)
    command, family, length = struct.unpack("!BBH", start[12:])
    rest = await reader.readexactly(length)
    if not start.startswith(SIGNATURE) or command not in (LOCAL, PROXY):
        raise ValueError(f"not a header: {start.hex()}")
    if command == LOCAL:
        return None
    size = ADDRESS_BYTES[family]
    source, destination, *ports = struct.unpack(f"!{size}s{size}sHH", rest)
    return (str(ipaddress.ip_address(source)), ports[0], str(ipaddress.ip_address(destination)),
            ports[1])


async def serve_one(reader, writer):
    try:
        header = await read_header(reader)
        if header is None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            length, = struct.unpack("!Q", await reader.readexactly(8))
            data = await reader.readexactly(length)
            seen = {"header": header, "sha256": hashlib.sha256(data).hexdigest()}
            writer.write(json.dumps(seen).encode() + b"\n" + data)
        await writer.drain()
    except (ValueError, KeyError, asyncio.IncompleteReadError, ConnectionError) as error:
        print(f"refused: {error!r}", flush=True)
        writer.transport.abort()
        return
    writer.close()


async def serve(address, port):
    server = await asyncio.start_server(serve_one, address, port, limit=1 << 20)
    print("listens", flush=True)
    await server.serve_forever()


def ask(address, port, count):
    data = os.urandom(count)
    with socket.create_connection((address, port), timeout=LIMIT_S) as connection:
        own = connection.getsockname()[:2]
        connection.sendall(struct.pack("!Q", count) + data)
        with connection.makefile("rb") as answer:
            seen = json.loads(answer.readline())
            back = answer.read()
    expected = {"header": [*own, address, port], "sha256": hashlib.sha256(data).hexdigest()}
    if seen != expected:
        sys.exit(f"the server saw {seen}, not {expected}")
    if back != data:
        sys.exit(f"{len(back)} bytes came back, not the {count} that were sent")


def main():
    role, address, port, *count = sys.argv[1:]
    if role == "serve":
        asyncio.run(serve(address, int(port)))
    else:
        ask(address, int(port), int(count[0]))


if __name__ == "__main__":
    main()
