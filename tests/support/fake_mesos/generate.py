"""Large clusters, the same for the same arguments, made as bytes from one template.

Each agent has one task per host port, so no two tasks share an address and port. Tasks belong to
apps `app-0`, `app-1`, …; the first `vips` of them carry the label VIP_0=/app-N:80.
"""

import base64
import dataclasses
import gc
import hashlib
import ipaddress
import json
import math
import random

from . import messages
from .cluster import Agent, Task

EPOCH_S = 1600000000.0
FIRST_HOST_PORT = 31000
PORT_HOLE = 987654321  # a number that no template has otherwise


@dataclasses.dataclass
class Scale:
    tasks: int = 50_000
    agents: int = 2_000
    vips: int = 5_000
    tasks_per_app: int = 10
    frameworks: int = 1
    first_address: str = "10.64.0.1"
    protocol: str = "tcp"
    seed: int = 1


def populate(cluster, scale):
    """Adds what `scale` says to a cluster that has nothing."""
    if cluster.tasks or cluster.agents:
        raise ValueError("the cluster is not empty")
    shuffle = random.Random(scale.seed)
    agents = _agents(cluster, scale)
    frameworks = _frameworks(cluster, scale)
    apps = max(1, scale.tasks // scale.tasks_per_app)
    order = list(range(scale.tasks))
    shuffle.shuffle(order)
    # A step that is coprime to their number visits each agent once a round.
    step = next(s for s in range(max(1, scale.agents // 3), scale.agents * 2)
                if math.gcd(s, scale.agents) == 1)
    templates = {labelled: _template(labelled, scale.protocol) for labelled in (True, False)}
    for index, number in enumerate(order):
        app = number % apps
        agent = agents[index * step % scale.agents]
        port = FIRST_HOST_PORT + index // scale.agents
        framework_id = frameworks[app % len(frameworks)]
        digest = hashlib.md5(b"%d %d" % (scale.seed, number)).hexdigest()
        task_id = f"app-{app}.{digest[:8]}-{digest[8:12]}-11e8-{digest[12:16]}-{digest[16:28]}"
        raw = templates[app < scale.vips] % {
            b"app": b"%d" % app, b"id": task_id.encode(), b"framework": framework_id.encode(),
            b"agent": agent.id.encode(), b"port": b"%d" % port, b"address": agent.address.encode(),
            b"uuid": base64.b64encode(bytes.fromhex(digest)), b"container": digest.encode()}
        task = Task(task_id, framework_id, agent.id, [agent.address], raw=raw)
        cluster.tasks[task_id] = task
        agent.tasks[task_id] = None
    gc.freeze()  # they stay: the collector need not look at them again and again


def _agents(cluster, scale):
    first = ipaddress.ip_address(scale.first_address)
    made = []
    for number in range(scale.agents):
        address = str(first + number)
        agent_id = f"{cluster.id}-S{number}"
        fields = messages.agent(agent_id, address, address, EPOCH_S, domain=(
            "region-1", f"zone-{number % 3 + 1}"))
        cluster.agents[agent_id] = Agent(agent_id, address, fields)
        made.append(cluster.agents[agent_id])
    return made


def _frameworks(cluster, scale):
    made = []
    for number in range(scale.frameworks):
        name = "marathon" if number == 0 else f"framework-{number}"
        framework_id = f"{cluster.id}-{number:04d}"
        cluster.frameworks[framework_id] = messages.framework(
            framework_id, name, "127.0.0.1", EPOCH_S)
        made.append(framework_id)
    return made


def _template(labelled, protocol):
    """Bytes with %(name)b where tasks differ, made by the same code as any other task."""
    holes = {key: f"%({key})b" for key in ("app", "id", "framework", "agent", "address")}
    port = {"number": PORT_HOLE, "name": "http", "protocol": protocol}
    if labelled:
        port["vip"] = f"/app-{holes['app']}:80"
    fields = messages.task({"name": f"app-{holes['app']}", "ports": [port]}, holes["id"],
                           holes["framework"], holes["agent"])
    fields["statuses"] = []
    for age, state in enumerate(("TASK_STARTING", "TASK_RUNNING")):
        status = messages.status(fields, state, [holes["address"]], EPOCH_S + age + 0.25)
        status["uuid"] = "%(uuid)b"
        status["container_status"]["container_id"]["value"] = "%(container)b"
        fields["statuses"].append(status)
    fields["state"] = "TASK_RUNNING"
    text = json.dumps(fields, separators=(",", ":")).replace(str(PORT_HOLE), "%(port)b")
    return text.encode()
