"""vipgated's configuration, as all scripts of perf/ write it: the parts that differ are given, and
what has one line in the file is one argument."""

import dns_load

DOCUMENT = """\
dpdk: {dpdk}
control: {{ cpus: [{control_cpu}] }}
workers: {{ cpus: {cpus}, idle: {idle} }}
limits: {limits}
ports:
{ports}"""
DNS = """\
dns:
  listen: ["{server}"]
{more}  zones:
    - name: {zone}
      services: {services}
      records:
"""


def inline(value):
    """Maps and lists in one line; what is text stands as it is, so bring quotes where YAML needs
    them."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key}: {inline(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(inline, value)) + "]"
    return str(value)


def quoted(text):
    return f'"{text}"'


def port(name, device, addresses, neighbors=(), **more):
    """One port that the kernel has no part in. `neighbors`: (address, MAC address) pairs; `more`:
    further keys."""
    keys = {"name": name, "device": quoted(device), "addresses": list(map(quoted, addresses)),
            "kernel": "false",
            "neighbors": [{"address": quoted(address), "mac": quoted(mac)}
                          for address, mac in neighbors], **more}
    lines = [f"{key}: {inline(value)}" for key, value in keys.items()]
    return "  - " + "\n    ".join(lines) + "\n"


def dns(names, lines=(), services=False, server=dns_load.SERVER):
    """A zone with the records of dns_load, and with names of the services if it is told so; `lines`:
    further keys of the section; `server`: the address that answers."""
    head = DNS.format(server=server, zone=dns_load.ZONE,
                      services="true" if services else "false",
                      more="".join(f"  {line}\n" for line in lines))
    return head + "".join(f"        - {inline({'name': name, 'type': kind, 'data': data})}\n"
                          for name, kind, data in dns_load.records(names))


def service(name, vip, vip_port, protocol, mode, reals):
    """`reals`: (address, port) pairs."""
    return "  - " + inline({"name": name, "vip": quoted(vip), "port": vip_port,
                            "protocol": protocol, "mode": mode,
                            "reals": [{"address": quoted(address), "port": number}
                                      for address, number in reals]}) + "\n"


def document(*, huge, dpdk, control_cpu, cpus, idle, limits, ports, names="", snat=(), services=()):
    """The whole of it. `dpdk`: its keys but huge_pages; `ports`, `services`: of port() and service();
    `names`: of dns()."""
    text = DOCUMENT.format(dpdk=inline({"huge_pages": quoted("on" if huge else "off"), **dpdk}),
                           control_cpu=control_cpu, cpus=inline(cpus), idle=idle,
                           limits=inline(limits), ports="".join(ports))
    if snat:
        text += f"snat_pools: [{inline({'name': 'default', 'addresses': list(map(quoted, snat))})}]\n"
    listed = "".join(services)
    return text + names + (f"services:\n{listed}" if listed else "")
