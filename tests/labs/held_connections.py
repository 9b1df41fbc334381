#!/usr/bin/python3
"""Connections to a redis that stay open until this is killed.

Usage: held_connections.py ADDRESS PORT COUNT

Prints a line of JSON for each: its own address, and what the server says of both ends.
"""

import json
import signal
import socket
import sys

LIMIT_S = 20


def client_info(connection):
    """What the server knows of the connection, by name."""
    connection.sendall(b"CLIENT INFO\r\n")
    with connection.makefile("rb") as answer:
        head = answer.readline()
        if not head.startswith(b"$"):
            sys.exit(f"the server said {head}")
        text = answer.read(int(head[1:]) + 2).decode()
    return dict(field.partition("=")[::2] for field in text.split())


def main():
    address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    held = []
    for _ in range(count):
        connection = socket.create_connection((address, port), timeout=LIMIT_S)
        held.append(connection)
        info = client_info(connection)
        own = "{}:{}".format(*connection.getsockname())
        print(json.dumps({"source": own, "snat": info["addr"], "real": info["laddr"]}), flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
