"""What no client should send to the API: bytes that are no good request, and documents that are none.

An answer is a status, or CLOSED: the connection ends without one."""

CLOSED = 0
LIST = "/api/v1/services"


def request(line, *headers, body=b"", host=True):
    lines = [line, *(["Host: localhost"] if host else []), *filter(None, headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def put(*headers, body=b""):
    return request(f"PUT {LIST} HTTP/1.1", "Content-Type: application/json", *headers, body=body)


# A second request that must not be taken for one: it would be answered, and by 404.
HIDDEN = request("GET /hidden HTTP/1.1")


def requests(authorization):
    """(what, bytes, statuses) each. What comes behind the first answer must be the end."""
    def attempt(*headers, body=HIDDEN):
        return put(authorization, *headers, body=body)

    get = request("GET /healthz HTTP/1.1")
    yield from (
        ("two lengths", attempt("Content-Length: 2", "Content-Length: 40"), {400}),
        ("the same length twice", attempt("Content-Length: 2", "Content-Length: 2"), {400}),
        ("a list of lengths", attempt("Content-Length: 2, 40"), {400}),
        ("a length with a sign", attempt("Content-Length: +2"), {400}),
        ("a negative length", attempt("Content-Length: -2"), {400}),
        ("a hexadecimal length", attempt("Content-Length: 0x2"), {400}),
        ("a length of 2^64 and 2", attempt("Content-Length: 18446744073709551618"), {400}),
        ("no length in it", attempt("Content-Length: "), {400}),
        ("length, then coding", attempt("Content-Length: 2", "Transfer-Encoding: chunked"), {400}),
        ("coding, then length", attempt("Transfer-Encoding: chunked", "Content-Length: 2"), {400}),
        ("another coding", attempt("Transfer-Encoding: gzip"), {501}),
        ("a coding behind chunks", attempt("Transfer-Encoding: chunked, gzip"), {400, 501}),
        ("two codings", attempt("Transfer-Encoding: gzip, chunked"), {400, 501}),
        ("chunked twice", attempt("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
         {400, 501}),
        ("chunked in a word", attempt("Transfer-Encoding: xchunked"), {501}),
        ("chunked by a tab", attempt("Transfer-Encoding:\tchunked\x0b"), {400, 501}),
        ("chunks of HTTP/1.0", request(f"PUT {LIST} HTTP/1.0", authorization,
                                       "Transfer-Encoding: chunked", body=HIDDEN), {400}),
    )
    for size in ("zz", "-1", "0x5", "+5", " 5", "fffffffffffffffff", "5 5", ""):
        yield (f"chunk size {size!r}", attempt("Transfer-Encoding: chunked",
                                               body=size.encode() + b"\r\n[]   \r\n0\r\n\r\n"),
               {400, 413})
    yield from (
        ("a chunk that is longer than it says",
         attempt("Transfer-Encoding: chunked", body=b"2\r\n[]]]\r\n0\r\n\r\n"), {400}),
        ("an endless extension of a chunk",
         attempt("Transfer-Encoding: chunked", body=b"2;" + b"x" * 400_000), {400, 431}),
        ("endless trailers",
         attempt("Transfer-Encoding: chunked", body=b"0\r\n" + b"a: b\r\n" * 80_000), {400, 431}),
        ("a folded line before headers", request("GET /healthz HTTP/1.1", " folded: x"), {200, 400}),
        ("a space before the colon", request("GET /healthz HTTP/1.1", "Name : x"), {400}),
        ("no colon", request("GET /healthz HTTP/1.1", "Name"), {400}),
        ("no name", request("GET /healthz HTTP/1.1", ": x"), {400}),
        ("lines that end by LF", get.replace(b"\r\n", b"\n"), {400}),
        ("lines that end by CR", get.replace(b"\r\n", b"\r"), {400, CLOSED}),
        ("CR in a value", request("GET /healthz HTTP/1.1", "Name: a\rb"), {400}),
        ("NUL in a value", request("GET /healthz HTTP/1.1", "Name: a\0b"), {400}),
        ("NUL in a name", request("GET /healthz HTTP/1.1", "Na\0me: a"), {400}),
        ("NUL in the target", request("GET /health\0z HTTP/1.1"), {400}),
        ("a long line", request("GET /healthz HTTP/1.1", "Name: " + "x" * 20_000), {431}),
        ("a long target", request("GET /" + "x" * 20_000 + " HTTP/1.1"), {431}),
        ("many lines", request("GET /healthz HTTP/1.1", *["Name: x"] * 3000), {431}),
        ("a long method", request("X" * 20_000 + " / HTTP/1.1"), {400, 431}),
        ("no host", request("GET /healthz HTTP/1.1", host=False), {400}),
        ("two hosts", request("GET /healthz HTTP/1.1", "Host: 127.0.0.1"), {400}),
        ("HTTP/0.9", b"GET /healthz\r\n\r\n", {400}),
        ("HTTP/2 that nobody has agreed on", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
        ("HTTP/1.2", request("GET /healthz HTTP/1.2"), {400}),
        ("a small http", request("GET /healthz http/1.1"), {400}),
        ("two spaces", request("GET  /healthz HTTP/1.1"), {400}),
        ("TLS", bytes.fromhex("16030100f8010000f40303") + bytes(240), {400, CLOSED}),
        ("another protocol", b"EHLO gateway\r\n\r\n", {400}),
        ("zeros", bytes(5000), {400, CLOSED}),
        ("ones", b"\xff" * 5000, {400, CLOSED}),
    )


# (target, status) of requests that are good as such.
TARGETS = (
    ("http://localhost/healthz", 200), ("HTTP://127.0.0.1:1/healthz", 200),
    ("http://localhost", 200), ("http://localhost?x", 400), ("ftp://localhost/healthz", 400),
    ("localhost:443", 400), ("*", 400), ("healthz", 400), ("/healthz#x", 404),
    ("/healthz/", 404), ("//healthz", 404), ("/./healthz", 404), ("/x/../healthz", 404),
    ("/%68ealthz", 200), ("/healthz%00", 404), ("/healthz%", 400), ("/healthz%4", 400),
    ("/healthz%zz", 400), ("/healthz?%zz", 400), ("/healthz?a=%", 400), ("/healthz?a=b=c&&=&a", 200),
    ("/api/v1/services/%2e%2e%2fhealthz", 404), ("/api%2fv1%2fservices", 404),
    ("/api/v1/services/" + "%41" * 4000, 404), ("/api/v1/drains/%ff%fe", 400),
    ("/api/v1/services?name=%00%ff", 200), ("/api/v1/dns/records?limit=99999999999999999999", 400),
    ("/api/v1/dns/query?name=" + "a." * 3000, 400),
)

SERVICE = '{"name": "evil", "vip": "11.9.9.9", "port": 80, "reals": []}'


def json_documents():
    """(what, bytes) each; none is a list of services."""
    yield from (
        ("nothing", b""), ("a blank", b" "), ("half of it", b'[{"name": "evil"'),
        ("two values", b"[] []"), ("a comma too many", b"[1,]"), ("single quotes", b"['x']"),
        ("a comment", b"[] // x"), ("NaN", b"[NaN]"), ("a mark before it", b"\xff\xfe[\0]\0"),
        ("no UTF-8", b'[{"name": "\xff\xfe"}]'), ("an overlong slash", b'["\xc0\xaf"]'),
        ("a lone surrogate", b'["\\ud800"]'), ("a surrogate as UTF-8", b'["\xed\xa0\x80"]'),
        ("NUL", b"[\0]"), ("control characters", b'["\x01"]'),
        ("deep lists", b"[" * 100_000 + b"]" * 100_000), ("deep maps", b'{"a":' * 100_000),
        ("a large number", b"[1" + b"0" * 400 + b"]"), ("a large exponent", b"[1e99999]"),
        ("a large port", SERVICE.replace("80", "1" + "0" * 30).encode()),
        ("a port with a fraction", f"[{SERVICE.replace('80', '80.5')}]".encode()),
        ("a negative port", f"[{SERVICE.replace('80', '-80')}]".encode()),
        ("a key twice", f"[{SERVICE.replace('80', '80, ' + chr(34) + 'port' + chr(34) + ': 81')}]"
         .encode()),
        ("a name twice as a VIP", f"[{SERVICE}, {SERVICE}]".encode()),
        ("services twice", b'{"services": [], "services": []}'),
        ("a text of 1.5 MB", b'"' + b"x" * 1_500_000 + b'"'),
        ("a name of 1.5 MB", SERVICE.replace("evil", "x" * 1_500_000).encode()),
        ("a key of 1.5 MB", b'[{"' + b"x" * 1_500_000 + b'": 1}]'),
        ("many numbers", b"[" + b"1," * 700_000 + b"1]"),
        ("many wrong services", b"[" + b'{"vip":7},' * 100_000 + b"{}]"),
    )


def yaml_documents():
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    shared = "- &s [" + ", ".join(["{vip: 7}"] * 1000) + "]\n" + "- *s\n" * 900
    yield from (
        ("a billion laughs", "\n".join(laughs).encode()), ("aliases of a long list", shared.encode()),
        ("an alias in its own anchor", b"services: &a [*a]"), ("an unknown alias", b"services: *a"),
        ("two documents", b"--- []\n--- []\n"), ("a tag", b"services: !!python/object:os.system x"),
        ("a merge of nothing", b"services: [{<<: *x}]"), ("a tab", b"services:\n\t- x"),
        ("deep lists", b"[" * 100_000), ("deep blocks", b"- " * 100_000), ("deep maps", b"{a: " * 50_000),
        ("open questions", b"? " * 50_000), ("no UTF-8", b"services: [\xff]"), ("NUL", b"services: [\0]"),
        ("UTF-16", "services: []".encode("utf-16")), ("an octal port", b"[{vip: 11.9.9.9, port: 0120}]"),
        ("a key twice", b"[{vip: 11.9.9.9, vip: 11.9.9.9, port: 80}]"),
        ("a long scalar", b"services: " + b"x" * 1_500_000), ("many anchors", b"".join(
            f"a{i}: &a{i} x\n".encode() for i in range(100_000))),
        ("many brackets", b"[[],[" * 20_000), ("directives", b"%TAG ! x\n" * 10_000 + b"--- []"),
        ("quotes without an end", b'"' + b"\\x41" * 200_000),
    )
