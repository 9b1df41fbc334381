"""A gateway with traffic and the API, a client of it, and what its threads take: for perf/api_load and
perf/publish."""

import argparse
import http.client
import json
import time

import arguments
import gateway_config
import measure

MOST_SERVICES = 400_000  # limits.services, of twice so many
ANSWER_S = 120  # that a batch may take

services = arguments.whole(1, MOST_SERVICES)


def complete(args):
    """Sets what a case of perf/run is made of, besides the options of the caller."""
    vars(args).update(gateway_config.PLAIN)
    args.mode, args.burst, args.descriptors = "fullnat", 64, 1024
    args.huge, args.both_ways, args.returns, args.mbuf_bytes = False, False, False, 256
    args.mbufs = args.flows + 16384
    args.memory_mb = 256 + args.mbufs * (args.mbuf_bytes + 320) // 2**20
    return args


def write_config(args, directory, services):
    """The configuration, with room for so many services of documents(), twice."""
    case = argparse.Namespace(**{**vars(args), "services": 1, "room": 2 * services + 100})
    _, config = gateway_config.make_captures(case, directory)
    with open(config, "a", encoding="utf-8") as file:
        file.write(f'rest: {{ listen: ["127.0.0.1:{args.port}"] }}\n'
                   f'store: "sqlite:{directory}/state.db"\n')
    return config


def document(number, weight):
    """Of one service; `weight`: of its first real."""
    return {"name": f"made-{number}", "vip": f"11.{64 + number // 62500}."
            f"{number // 250 % 250}.{1 + number % 250}", "port": 80,
            "reals": [{"address": gateway_config.REALS[(number + k) % 8], "port": 9000,
                       "weight": weight if k == 0 else 1} for k in range(2)]}


class Client:
    """A connection to the API that stays."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)

    def ask(self, method, path, body=None):
        """The answer's text, and the milliseconds that it took."""
        data = None if body is None else json.dumps(body)
        began = time.monotonic()
        try:
            self.connection.request(method, path, data, {"Content-Type": "application/json"})
            reply = self.connection.getresponse()
            text = reply.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise measure.Failure(f"{method} {path}: {error!r}") from error
        took_ms = 1e3 * (time.monotonic() - began)
        if reply.status not in (200, 201):
            raise measure.Failure(f"{method} {path} was answered {reply.status}: {text[:500]}")
        return text, took_ms

    def put_all(self, services, weight):
        """The milliseconds until there are so many, and no others."""
        body = {"services": [document(number, weight) for number in range(services)]}
        return self.ask("PUT", "/api/v1/services", body)[1]

    def put_one(self, number, weight):
        """The milliseconds that it takes."""
        one = document(number, weight)
        return self.ask("PUT", f"/api/v1/services/{one['vip']}:80:tcp", one)[1]


def resident_mb(program):
    with open(f"/proc/{program.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) >> 10


def cpu_s(program, thread):
    """Processor seconds of one of its threads."""
    with open(f"/proc/{program.process.pid}/task/{thread}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def control_cpu_s(program):
    """Of the control thread, which has the process's own number."""
    return cpu_s(program, program.process.pid)
