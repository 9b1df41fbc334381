"""As much of HTTP/1.1 as a Mesos master speaks."""

import asyncio
import dataclasses
import gzip
import http
import json

MAX_BODY_BYTES = 1 << 20


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict  # names in lower case
    body: bytes

    def json(self):
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def accepts(self, media_type):
        wanted = self.headers.get("accept", "*/*")
        kinds = [kind.split(";")[0].strip() for kind in wanted.split(",")]
        return any(kind in (media_type, media_type.split("/")[0] + "/*", "*/*") for kind in kinds)


@dataclasses.dataclass
class Response:
    status: int
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)

    @staticmethod
    def text(status, message, **headers):
        return Response(status, message.encode(), {"Content-Type": "text/plain", **headers})

    def encoded(self, request):
        headers, body = dict(self.headers), self.body
        if len(body) > 1024 and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        return head(self.status, {**headers, "Content-Length": len(body)}) + body


def head(status, headers):
    lines = [f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


async def read_request(reader):
    """The next one of a connection; None: it has ended."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = raw.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    body = b""
    if "chunked" in headers.get("transfer-encoding", ""):
        body = await read_chunked(reader)
    elif (length := int(headers.get("content-length", 0))) > 0:
        if length > MAX_BODY_BYTES:
            return None
        body = await reader.readexactly(length)
    return Request(method, target.split("?")[0], headers, body)


async def read_chunked(reader):
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        body += (await reader.readexactly(size + 2))[:size]
        if size == 0 or len(body) > MAX_BODY_BYTES:
            return body
