"""The masters: HTTP servers of one cluster, one of which leads."""

import asyncio
import base64
import collections
import json
import ssl
import time
import uuid

from . import http, messages
from .cluster import NAMESPACE
from .faults import Faults
from .http import Request, Response
from .stream import Stream

API_PATHS = ("/api/v1", "/master/api/v1")
STATE_PATHS = ("/state", "/master/state")
REDIRECT_PATHS = ("/redirect", "/master/redirect")
LOGIN_PATH = "/acs/api/v1/auth/login"
LOG_LENGTH = 1000


class Options:
    def __init__(self, ports=(0,), address="127.0.0.1", hostname=None, heartbeat_s=15.0,
                 auth="none", principal="vipgate", secret="secret", tls=None, login_ttl_s=0):
        """`auth`: none, basic, iam. `tls`: {cert, key, ca}; with `ca`, clients need a certificate.
        `hostname`: what redirects name; the address, if None."""
        self.ports, self.address, self.hostname = list(ports), address, hostname or address
        self.heartbeat_s, self.auth, self.tls = heartbeat_s, auth, tls
        self.principal, self.secret, self.login_ttl_s = principal, secret, login_ttl_s


class Master:
    """One HTTP server."""

    def __init__(self, index, port):
        self.index, self.port = index, port
        self.server = None
        self.connections = set()
        self.id = str(uuid.uuid5(NAMESPACE, f"master {index}"))


class Masters:
    """Lives in one event loop, like everything it has."""

    def __init__(self, options, cluster):
        self.options, self.cluster = options, cluster
        self.faults = Faults()
        self.masters = [Master(index, port) for index, port in enumerate(options.ports)]
        self.leader = 0  # None: nobody leads
        self.recovering = False  # the leader does not know its agents yet
        self.streams = set()
        self.subscriptions = 0  # that had the whole of SUBSCRIBED since the start
        self.last_subscribed = None  # of the newest of them: when, and how many bytes
        self.changed = asyncio.Event()
        self.tokens = {}
        self.log = collections.deque(maxlen=LOG_LENGTH)

    async def start(self):
        for master in self.masters:
            await self.start_master(master)

    async def start_master(self, master):
        if master.server is not None:
            return

        async def serve(reader, writer):
            await self._serve(master, reader, writer)

        master.server = await asyncio.start_server(
            serve, self.options.address, master.port, ssl=self._tls(), limit=1 << 20,
            reuse_address=True)
        master.port = master.server.sockets[0].getsockname()[1]

    async def stop_master(self, master):
        """Its port refuses connections, and those that there are end."""
        if master.server is not None:
            master.server.close()
            master.server = None
            for writer in list(master.connections):
                writer.transport.abort()

    async def stop(self):
        for master in self.masters:
            await self.stop_master(master)

    def close_streams(self):
        for stream in list(self.streams):
            stream.close()

    def send(self, events):
        """To every subscriber; returns when (CLOCK_MONOTONIC, ns) writing began."""
        return self.send_records([messages.encode(event) for event in events])

    def send_records(self, records):
        sent_ns = time.monotonic_ns()
        for stream in list(self.streams):
            for record in records:
                stream.send(record)
        return sent_ns

    def master_info(self, master):
        return messages.master_info(self.options.address, master.port, self.options.hostname,
                                    master.id)

    def get_state(self):
        return self.cluster.get_state(self.faults.filter_items())

    def v0_state(self):
        state = self.cluster.v0_state(self.master_info(self.masters[self.leader]))
        if self.faults.wrong_types:
            garble = self.faults.filter_items()
            for framework in state["frameworks"]:
                encoded = [messages.encode(task) for task in framework["tasks"]]
                framework["tasks"] = [json.loads(task) for task in garble("tasks", encoded)]
        return state

    # --- connections

    def _tls(self):
        if not self.options.tls:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.options.tls["cert"], self.options.tls["key"])
        if self.options.tls.get("ca"):
            context.load_verify_locations(self.options.tls["ca"])
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    async def _serve(self, master, reader, writer):
        master.connections.add(writer)
        try:
            while (request := await http.read_request(reader)) is not None:
                if self.faults.hang:
                    await reader.read()
                    return
                answer = self._answer(master, request)
                self.log.append({"time_ns": time.monotonic_ns(), "master": master.index,
                                 "method": request.method, "path": request.path,
                                 "type": request.json().get("type"),
                                 "status": answer.status if answer else 200})
                if answer is None:
                    await self._subscribe(reader, writer)
                    return
                writer.write(answer.encoded(request))
                await writer.drain()
                if request.headers.get("connection", "").lower() == "close":
                    return
        except (ConnectionError, ValueError, asyncio.IncompleteReadError,
                asyncio.LimitOverrunError):
            pass  # the client's mistake, or it went away: the connection ends
        finally:
            master.connections.discard(writer)
            writer.close()

    async def _subscribe(self, reader, writer):
        stream = Stream(reader, writer, self.faults, self.options.heartbeat_s)
        heartbeat_s = messages.encode(float(self.options.heartbeat_s))
        parts = [b'{"type":"SUBSCRIBED","subscribed":{"get_state":',
                 *self.cluster.get_state_parts(self.faults.filter_items()),
                 b',"heartbeat_interval_seconds":%s}}' % heartbeat_s]
        if self.faults.reverse_keys:
            parts = [self.faults.record(b"".join(parts))]
        # Events from now on wait in the stream until SUBSCRIBED has gone.
        self.streams.add(stream)
        try:
            await stream.run(parts, self._subscribed)
        finally:
            self.streams.discard(stream)
            self._tell()

    def _subscribed(self, stream):
        self.subscriptions += 1
        self.last_subscribed = {"sent_ns": stream.subscribed_ns, "bytes": stream.sent_bytes}
        self._tell()

    def _tell(self):
        """Wakes those who wait for something to change."""
        self.changed.set()
        self.changed = asyncio.Event()

    # --- answers; None: a stream begins

    def _answer(self, master, request: Request):
        if self.faults.answer:
            return Response.text(self.faults.answer, "As told")
        if request.path == LOGIN_PATH:
            return self._login(request)
        if request.path in ("/health", "/master/health"):
            return Response(200)
        if (refused := self._refuse_credentials(request)) is not None:
            return refused
        if request.path in API_PATHS:
            return self._api(master, request)
        if request.path in REDIRECT_PATHS:
            if self.leader is None:
                return Response.text(503, "No leader elected")
            return self._redirect("")
        if request.path in STATE_PATHS:
            if (elsewhere := self._not_the_leader(master, request.path)) is not None:
                return elsewhere
            return _json(messages.encode(self.v0_state()))
        if request.path == "/version":
            return _json(messages.encode({"version": messages.VERSION}))
        return Response.text(404, "Not found")

    def _not_the_leader(self, master, path):
        if self.leader is None:
            return Response.text(503, "No leader elected")
        if self.leader != master.index:
            return self._redirect(path)
        if self.recovering:
            return Response.text(503, "Master has not finished recovery")
        return None

    def _redirect(self, path):
        leader = self.masters[self.leader]
        return Response(307, b"", {"Location": f"//{self.options.hostname}:{leader.port}{path}"})

    def _api(self, master, request):
        if (elsewhere := self._not_the_leader(master, request.path)) is not None:
            return elsewhere
        if request.method != "POST":
            return Response.text(405, f"Expecting 'POST', received '{request.method}'",
                                 Allow="POST")
        if "content-type" not in request.headers:
            return Response.text(400, "Expecting 'Content-Type' to be present")
        if request.headers["content-type"].split(";")[0].strip() != "application/json":
            return Response.text(415, "Expecting 'Content-Type' of application/json")
        if not request.accepts("application/json"):
            return Response.text(406, "Expecting 'Accept' to allow application/json")
        call = request.json().get("type")
        if call == "SUBSCRIBE":
            if self.faults.refuse_subscribe:
                return Response.text(self.faults.refuse_subscribe, "SUBSCRIBE is refused")
            return None
        answers = {
            "GET_STATE": lambda: self.get_state(),
            "GET_HEALTH": lambda: b'{"healthy":true}',
            "GET_VERSION": lambda: messages.encode({"version_info": {"version": messages.VERSION}}),
            "GET_MASTER": lambda: messages.encode({"master_info": self.master_info(master)}),
            "GET_METRICS": lambda: messages.encode(
                {"metrics": [{"name": "master/elected", "value": 1.0}]}),
        }
        for part in ("TASKS", "AGENTS", "FRAMEWORKS"):
            answers[f"GET_{part}"] = lambda part=part: messages.encode(
                json.loads(self.get_state())[f"get_{part.lower()}"])
        if call not in answers:
            return Response.text(400, f"Failed to parse body into Call protobuf: '{call}'")
        names = (call.encode(), call.lower().encode())
        return _json(b'{"type":"%s","%s":%s}' % (*names, answers[call]()))

    # --- who may ask

    def _refuse_credentials(self, request):
        given = request.headers.get("authorization", "")
        if self.options.auth == "basic":
            pair = f"{self.options.principal}:{self.options.secret}".encode()
            if given != "Basic " + base64.b64encode(pair).decode():
                return Response.text(401, "Unauthorized", **{
                    "WWW-Authenticate": 'Basic realm="mesos-master-readonly"'})
        if self.options.auth == "iam":
            scheme, _, token = given.partition("=")
            if scheme != "token" or self.tokens.get(token, 0) < time.monotonic():
                return Response.text(401, "Unauthorized", **{"WWW-Authenticate": "acsjwt"})
        return None

    def _login(self, request):
        """DC/OS IAM: a token for a JWT of the right form; its signature is not looked at."""
        if request.method != "POST":
            return Response.text(405, "", Allow="POST")
        body = request.json()
        if not _is_login_token(body.get("token"), body.get("uid"), self.options.principal):
            return _json(b'{"title":"Invalid credentials","code":"ERR_INVALID_CREDENTIALS"}', 401)
        token = f"e30.{uuid.uuid4().hex}.c2ln"
        lifetime_s = self.options.login_ttl_s or 1e9
        self.tokens[token] = time.monotonic() + lifetime_s
        return _json(messages.encode({"token": token}))


def _json(body, status=200):
    return Response(status, body, {"Content-Type": "application/json"})


def _is_login_token(token, uid, principal):
    try:
        header, payload, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
                                      for part in token.split("."))
        claims = json.loads(payload)
        return (json.loads(header)["alg"] == "RS256" and len(signature) >= 128
                and claims["uid"] == uid == principal
                and claims.get("exp", time.time() + 1) > time.time())
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
