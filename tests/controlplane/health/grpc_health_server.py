#!/usr/bin/python3
"""A real gRPC server that answers grpc.health.v1.Health/Check by the name of the service that is
asked for: "down" is not serving, "unknown" is not known, "slow" never gets an answer, all others
serve. A second one, on another port, has no health service at all.

Prints both ports and ends with its standard input.
"""

import concurrent.futures
import sys
import threading

import grpc

CHECK = "/grpc.health.v1.Health/Check"
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"  # HealthCheckResponse{status}


def check(request, context):
    """Bytes in, bytes out: HealthCheckRequest is field 1, the name."""
    name = request[2:].decode()
    if name == "unknown":
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    if name == "slow":
        ended = threading.Event()
        if context.add_callback(ended.set):
            ended.wait()
    return NOT_SERVING if name == "down" else SERVING


class Health(grpc.GenericRpcHandler):
    def service(self, handler_call_details):
        if handler_call_details.method != CHECK:
            return None
        return grpc.unary_unary_rpc_method_handler(check)


def start(*handlers):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=handlers)
    return server, server.add_insecure_port("127.0.0.1:0")


def main():
    servers = [start(Health()), start()]
    for server, _ in servers:
        server.start()
    print(*(port for _, port in servers), flush=True)
    sys.stdin.read()
    for server, _ in servers:
        server.stop(None)


if __name__ == "__main__":
    main()
