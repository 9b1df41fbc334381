"""How Mesos prints a cluster: the operator API's v1 form, and the v0 form of /state.

Empty lists are left out of v1, as Mesos leaves them out; v0 prints them.
"""

import base64
import hashlib
import json

VERSION = "1.11.0"


def encode(value):
    """Compact, as Mesos' own printer."""
    return json.dumps(value, separators=(",", ":")).encode()


def without_empty(fields):
    """The dictionary without empty lists and None."""
    return {key: value for key, value in fields.items() if value is not None and value != []}


def labels(pairs):
    """[(key, value)] in the form that v1 and discovery ports share."""
    return {"labels": [without_empty({"key": key, "value": value}) for key, value in pairs]}


def nanoseconds(seconds):
    return {"nanoseconds": int(seconds * 1e9)}


def scalar(name, value):
    return {"name": name, "type": "SCALAR", "scalar": {"value": float(value)}}


def ranges(name, pairs):
    return {"name": name, "type": "RANGES",
            "ranges": {"range": [{"begin": begin, "end": end} for begin, end in pairs]}}


def agent(agent_id, address, hostname, started, attributes=(), domain=None):
    resources = [ranges("ports", [(1025, 32000)]), scalar("disk", 47170), scalar("cpus", 4),
                 scalar("mem", 6949)]
    info = without_empty({
        "hostname": hostname, "port": 5051, "resources": resources, "id": {"value": agent_id},
        "attributes": [{"name": name, "type": "TEXT", "text": {"value": value}}
                       for name, value in attributes],
        "domain": domain and {"fault_domain": {"region": {"name": domain[0]},
                                               "zone": {"name": domain[1]}}}})
    return {"agent_info": info, "active": True, "deactivated": False, "version": VERSION,
            "pid": f"slave(1)@{bracketed(address)}:5051", "registered_time": nanoseconds(started),
            "reregistered_time": nanoseconds(started),
            "total_resources": [{**resource, "role": "*"} for resource in resources],
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}]}


def bracketed(address):
    return f"[{address}]" if ":" in address else address


def framework(framework_id, name, hostname, started, partition_aware=True):
    capabilities = [{"type": "TASK_KILLING_STATE"}, {"type": "REGION_AWARE"}]
    if partition_aware:
        capabilities.append({"type": "PARTITION_AWARE"})
    return {"framework_info": {
                "user": "root", "name": name, "id": {"value": framework_id},
                "failover_timeout": 604800.0, "checkpoint": True, "role": "slave_public",
                "hostname": hostname, "principal": f"dcos_{name}",
                "webui_url": f"http://{hostname}:8080", "capabilities": capabilities},
            "active": True, "connected": True, "recovered": False,
            "registered_time": nanoseconds(started), "reregistered_time": nanoseconds(started),
            "unregistered_time": {"nanoseconds": 0}}


def discovery_port(port):
    """`port`: number, name, protocol, and `vip` or `labels` (a map) or neither."""
    pairs = list(port.get("labels", {}).items())
    if "vip" in port:
        pairs.append(("VIP_0", port["vip"]))
    fields = {"number": port["number"], "name": port.get("name", "default"),
              "protocol": port.get("protocol", "tcp")}
    return {**fields, "labels": labels(pairs)} if pairs else fields


def container(network, ports, network_name):
    """As Marathon starts a task on the host's network, behind a bridge, or with its own address."""
    if network == "host":
        return {"type": "DOCKER", "docker": {"image": "app", "network": "HOST",
                                             "privileged": False, "force_pull_image": False}}
    info = {"ip_addresses": [{"protocol": "IPv4"}], "name": network_name, "labels": {}}
    if network == "bridge":
        info["port_mappings"] = [{"host_port": port["number"],
                                  "container_port": port.get("container_port", 8080),
                                  "protocol": port.get("protocol", "tcp")} for port in ports]
    return {"type": "MESOS", "mesos": {}, "network_infos": [info]}


def task(spec, task_id, framework_id, agent_id):
    """TASK_STAGING, as a task is added. `spec` as for the command add_task (see server.py)."""
    ports, network = spec.get("ports", []), spec.get("network", "host")
    host_ports = [] if network == "container" else [(p["number"], p["number"]) for p in ports]
    resources = [scalar("cpus", 0.1), scalar("mem", 128)]
    if host_ports:
        resources.append(ranges("ports", host_ports))
    printed = [discovery_port(port) for port in ports]
    if network == "bridge":
        for port in printed:
            port.setdefault("labels", labels([]))["labels"].append(
                {"key": "network-scope", "value": "host"})
    result = {
        "name": spec["name"], "task_id": {"value": task_id},
        "framework_id": {"value": framework_id}, "agent_id": {"value": agent_id},
        "state": "TASK_STAGING",
        "resources": [{**r, "allocation_info": {"role": "slave_public"}} for r in resources]}
    if spec.get("labels"):
        result["labels"] = labels(spec["labels"].items())
    if printed or spec.get("discovery_name"):
        result["discovery"] = {"visibility": "FRAMEWORK",
                               "name": spec.get("discovery_name", spec["name"])}
        if printed:
            result["discovery"]["ports"] = {"ports": printed}
    result["container"] = container(network, ports, spec.get("network_name", "dcos"))
    if spec.get("health_check"):
        result["health_check"] = {"delay_seconds": 15.0, "interval_seconds": 60.0,
                                  "timeout_seconds": 20.0, "consecutive_failures": 3,
                                  "grace_period_seconds": 300.0, "type": "TCP",
                                  "tcp": {"port": ports[0]["number"] if ports else 80}}
    return result


def status(task_fields, state, addresses, timestamp, healthy=None, reason=None, message=None):
    """A TaskStatus of a task with these IP addresses."""
    task_id = task_fields["task_id"]
    digest = hashlib.sha1(f"{task_id['value']} {state} {timestamp}".encode()).digest()
    network = {"ip_addresses": [{"protocol": "IPv6" if ":" in a else "IPv4", "ip_address": a}
                                for a in addresses]}
    infos = task_fields.get("container", {}).get("network_infos", [])
    for key in ("name", "port_mappings"):
        if infos and key in infos[0]:
            network[key] = infos[0][key]
    return without_empty({
        "task_id": task_id, "state": state, "message": message, "source": "SOURCE_EXECUTOR",
        "reason": reason, "agent_id": task_fields["agent_id"], "executor_id": task_id,
        "timestamp": round(timestamp, 5), "uuid": base64.b64encode(digest[:16]).decode(),
        "healthy": healthy,
        "container_status": {"container_id": {"value": digest.hex()},
                             "network_infos": [network] if addresses else None}
        if addresses else None})


# --- v1 events, each as a dictionary

def task_added(fields):
    return {"type": "TASK_ADDED", "task_added": {"task": fields}}


def task_updated(fields, latest_status):
    return {"type": "TASK_UPDATED", "task_updated": {
        "framework_id": fields["framework_id"], "status": latest_status, "state": fields["state"]}}


def agent_added(fields):
    return {"type": "AGENT_ADDED", "agent_added": {"agent": fields}}


def agent_removed(agent_id):
    return {"type": "AGENT_REMOVED", "agent_removed": {"agent_id": {"value": agent_id}}}


def framework_added(fields):
    return {"type": "FRAMEWORK_ADDED", "framework_added": {"framework": fields}}


def framework_updated(fields):
    return {"type": "FRAMEWORK_UPDATED", "framework_updated": {"framework": fields}}


def framework_removed(fields):
    return {"type": "FRAMEWORK_REMOVED",
            "framework_removed": {"framework_info": fields["framework_info"]}}


HEARTBEAT = encode({"type": "HEARTBEAT"})


def master_info(address, port, hostname, master_id):
    """MasterInfo, as in ZooKeeper; `ip` is the number in network byte order, read little-endian."""
    return {"address": {"hostname": hostname, "ip": address, "port": port},
            "capabilities": [{"type": "AGENT_UPDATE"}], "hostname": hostname, "id": master_id,
            "ip": int.from_bytes(bytes(map(int, address.split("."))), "little"),
            "pid": f"master@{address}:{port}", "port": port, "version": VERSION}


# --- v0

def v0_task(fields):
    resources = {"cpus": 0.0, "disk": 0.0, "mem": 0.0, "gpus": 0.0}
    for resource in fields["resources"]:
        if resource["type"] == "SCALAR":
            resources[resource["name"]] = resource["scalar"]["value"]
        else:
            resources[resource["name"]] = "[" + ", ".join(
                f"{r['begin']}-{r['end']}" for r in resource["ranges"]["range"]) + "]"
    result = {"id": fields["task_id"]["value"], "name": fields["name"],
              "framework_id": fields["framework_id"]["value"], "executor_id": "",
              "slave_id": fields["agent_id"]["value"], "state": fields["state"],
              "resources": resources, "role": "slave_public",
              "statuses": [v0_status(status_) for status_ in fields.get("statuses", [])]}
    if "labels" in fields:
        result["labels"] = fields["labels"]["labels"]
    for key in ("discovery", "container", "health_check"):
        if key in fields:
            result[key] = fields[key]
    return result


def v0_status(fields):
    return {key: fields[key] for key in ("state", "timestamp", "container_status", "healthy")
            if key in fields}


def v0_agent(fields):
    info = fields["agent_info"]
    resources = {"cpus": 4.0, "disk": 47170.0, "mem": 6949.0, "gpus": 0.0, "ports": "[1025-32000]"}
    result = {"id": info["id"]["value"], "hostname": info["hostname"], "port": info["port"],
              "pid": fields["pid"], "active": fields["active"],
              "deactivated": fields["deactivated"],
              "registered_time": fields["registered_time"]["nanoseconds"] / 1e9,
              "resources": resources, "used_resources": {}, "version": fields["version"],
              "attributes": {a["name"]: a["text"]["value"] for a in info.get("attributes", [])}}
    if "domain" in info:
        result["domain"] = info["domain"]
    return result


def v0_framework(fields, tasks, unreachable):
    info = fields["framework_info"]
    return {"id": info["id"]["value"], "name": info["name"], "hostname": info["hostname"],
            "webui_url": info["webui_url"], "active": fields["active"],
            "connected": fields["connected"], "recovered": fields["recovered"],
            "principal": info["principal"], "roles": [info["role"]], "tasks": tasks,
            "unreachable_tasks": unreachable, "completed_tasks": [], "executors": [], "offers": []}
