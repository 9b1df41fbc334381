#!/usr/bin/python3
"""A Mesos master that is not one: the operator API's event stream, GET_STATE, /state and redirects
of real masters, over a cluster that exists only here.

  fake_mesos_master.py --port 5050                  a cluster with a framework "marathon" only
  fake_mesos_master.py --port 5050 --tasks 50000 --agents 2000 --vips 5000
  fake_mesos_master.py --port 5050 --port 5051      two masters, of which the first leads

With --control PATH it takes commands on a UNIX socket, one JSON object a line:

  fake_mesos_master.py --tell PATH '{"op": "add_agent", "address": "10.9.1.11"}'
  fake_mesos_master.py --tell PATH '{"op": "add_task", "name": "redis", "agent": "10.9.1.11",
      "ports": [{"number": 30585, "name": "redis", "vip": "/redis:6379"}]}'

The commands and their arguments are the methods op_* of fake_mesos/commands.py. When it is ready
it prints one line of JSON with its ports. It ends by SIGTERM or SIGINT.
"""

import argparse
import ctypes
import json
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from fake_mesos.client import FakeMaster, FakeMasterControl  # noqa: E402
from fake_mesos.cluster import CommandError  # noqa: E402

PR_SET_PDEATHSIG = 1


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, action="append", help="one master each; 0: any")
    parser.add_argument("--address", default="127.0.0.1", help="to listen at")
    parser.add_argument("--hostname", help="that redirects name (default: the address)")
    parser.add_argument("--control", help="path of a UNIX socket for commands")
    parser.add_argument("--heartbeat-s", type=float, default=15.0)
    parser.add_argument("--tasks", type=int, default=0)
    parser.add_argument("--agents", type=int, default=2000)
    parser.add_argument("--vips", type=int, default=5000)
    parser.add_argument("--protocol", choices=("tcp", "udp"), default="tcp",
                        help="of the tasks' ports")
    parser.add_argument("--first-address", default="10.64.0.1", help="of the generated agents")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--auth", choices=("none", "basic", "iam"), default="none")
    parser.add_argument("--principal", default="vipgate")
    parser.add_argument("--secret", default="secret")
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--tls-client-ca")
    parser.add_argument("--follow", action="store_true", help="end when the parent process ends")
    parser.add_argument("--tell", nargs=2, metavar=("PATH", "JSON"),
                        help="give a command to one that runs, and print the answer")
    return parser.parse_args()


def tell(path, command):
    control = FakeMasterControl(path)
    try:
        print(json.dumps(control.call(**json.loads(command))))
    except (CommandError, ValueError, TypeError) as error:
        sys.exit(f"fake_mesos_master.py: {error}")


def main():
    arguments = parse_arguments()
    if arguments.tell:
        tell(*arguments.tell)
        return
    # Blocked before any thread starts, so that sigwait() below gets them.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    if arguments.follow:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    tls = arguments.tls_cert and {"cert": arguments.tls_cert, "key": arguments.tls_key,
                                  "ca": arguments.tls_client_ca}
    began = time.monotonic()
    with FakeMaster(control=arguments.control, ports=arguments.port or [5050],
                    address=arguments.address, hostname=arguments.hostname,
                    heartbeat_s=arguments.heartbeat_s, auth=arguments.auth,
                    principal=arguments.principal, secret=arguments.secret, tls=tls) as master:
        if arguments.tasks:
            master.generate(tasks=arguments.tasks, agents=arguments.agents, vips=arguments.vips,
                            protocol=arguments.protocol, first_address=arguments.first_address,
                            seed=arguments.seed)
        else:
            master.add_framework(name="marathon")
        print(json.dumps({"ports": master.ports, "tasks": arguments.tasks,
                          "seconds": round(time.monotonic() - began, 3)}), flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
