"""The masters' side of ZooKeeper: a client that makes and deletes nodes, and no more.

The wire format is Jute (zookeeper.jute in apache/zookeeper): big-endian integers, buffers and
strings with their length before them, each packet with its own length before it.
"""

import socket
import struct
import threading

OPEN_ACL_UNSAFE = struct.pack(">ii", 1, 31) + b"\0\0\0\5world\0\0\0\6anyone"
CREATE, DELETE, PING, CLOSE = 1, 2, 11, -11
PING_XID = -2
SEQUENTIAL = 2


class ZooKeeperError(Exception):
    """The server refused; `code` is its error (-101: no node, -110: node exists)."""

    def __init__(self, code):
        super().__init__(f"ZooKeeper error {code}")
        self.code = code


def text(value):
    return struct.pack(">i", len(value.encode())) + value.encode()


class ZooKeeper:
    """One session, kept by a thread that pings."""

    def __init__(self, port, address="127.0.0.1", timeout_ms=10_000):
        self.socket = socket.create_connection((address, port), 10)
        self.lock = threading.Lock()
        self.xid = 0
        self._send(struct.pack(">iqiqi", 0, 0, timeout_ms, 0, 16) + bytes(16))
        granted_ms = struct.unpack(">ii", self._receive()[:8])[1]
        self.stop = threading.Event()
        self.pinger = threading.Thread(target=self._ping, args=(granted_ms / 3000,), daemon=True)
        self.pinger.start()

    def create(self, path, data=b"", flags=0):
        """Returns the path, with its number if it is sequential."""
        buffer = struct.pack(">i", len(data)) + data
        answer = self._ask(CREATE, text(path) + buffer + OPEN_ACL_UNSAFE + struct.pack(">i", flags))
        return answer[4:].decode()

    def make_path(self, path):
        """Like mkdir -p."""
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            try:
                self.create("/" + "/".join(parts[:depth]))
            except ZooKeeperError as error:
                if error.code != -110:
                    raise

    def delete(self, path):
        self._ask(DELETE, text(path) + struct.pack(">i", -1))

    def close(self):
        """Ends the session."""
        self.stop.set()
        with self.lock:
            self._send(struct.pack(">ii", 0, CLOSE))
        self.socket.close()

    def _ask(self, kind, body):
        with self.lock:
            self.xid += 1
            self._send(struct.pack(">ii", self.xid, kind) + body)
            while True:
                answer = self._receive()
                xid, _, code = struct.unpack(">iqi", answer[:16])
                if xid == self.xid:
                    break
        if code != 0:
            raise ZooKeeperError(code)
        return answer[16:]

    def _ping(self, interval_s):
        while not self.stop.wait(interval_s):
            try:
                with self.lock:
                    self._send(struct.pack(">ii", PING_XID, PING))
            except OSError:
                return

    def _send(self, packet):
        self.socket.sendall(struct.pack(">i", len(packet)) + packet)

    def _receive(self):
        return self._exactly(struct.unpack(">i", self._exactly(4))[0])

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("ZooKeeper closed the connection")
            data += more
        return data
