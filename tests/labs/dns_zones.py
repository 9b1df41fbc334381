"""Zones with all that the responder's zones may hold, for vipgated and as zone files for others."""

import dataclasses

DNS_ADDRESSES = ("10.9.0.53", "fd09::53")
NAME_SERVERS = ("ns1.mesos.", "ns2.corp.example.")
SOA = {"mname": "ns1.mesos.", "rname": "root.ns1.mesos.", "refresh_s": 60, "retry_s": 600,
       "expire_s": 86400, "minimum_s": 5}
LONG_LABEL = "l" * 63


@dataclasses.dataclass(frozen=True)
class Zone:
    name: str
    ttl_s: int
    records: tuple = ()  # (name, type, data); TTLs are made from the names
    aliases: tuple = ()


def _corp():
    records = [
        ("@", "TXT", "of the zone"), ("@", "A", "192.0.2.1"),
        ("www", "A", "192.0.2.80"), ("www", "AAAA", "2001:db8::80"),
        ("two", "A", "192.0.2.2"), ("two", "A", "192.0.2.3"),
        ("six", "AAAA", "2001:db8::6"), ("six", "AAAA", "2001:db8::7"), ("six", "TXT", "6"),
        ("text", "TXT", '"one" "two \\"2\\"" ""'), ("text", "TXT", "t" * 300),
        (LONG_LABEL, "A", "192.0.2.63"),
        (".".join(["d"] * 100), "A", "192.0.2.100"),  # and a hundred names without records above it
        ("deep.below.nothing", "A", "192.0.2.9"), ("below.nothing", "TXT", "between"),
        ("alias", "CNAME", "www.corp.example."), ("chain1", "CNAME", "chain2.corp.example."),
        ("chain2", "CNAME", "chain3.corp.example."), ("chain3", "CNAME", "two.corp.example."),
        ("loop1", "CNAME", "loop2.corp.example."), ("loop2", "CNAME", "loop1.corp.example."),
        ("self", "CNAME", "self.corp.example."),
        ("dangling", "CNAME", "nobody.corp.example."), ("hollow", "CNAME", "nothing.corp.example."),
        ("out", "CNAME", "www.elsewhere.test."), ("to-sub", "CNAME", "host.sub.corp.example."),
        ("to-wild", "CNAME", "any.wild.corp.example."), ("to-apex", "CNAME", "corp.example."),
        ("*.wild", "A", "192.0.2.42"), ("*.wild", "TXT", "wild"),
        ("is.wild", "AAAA", "2001:db8::1"),
        ("a.ent.wild", "A", "192.0.2.43"), ("*.wildcname", "CNAME", "www.corp.example."),
        ("*.wildout", "CNAME", "far.elsewhere.test."),
        ("*.wildsrv", "SRV", "1 2 3 www.corp.example."),
        ("*.wildloop", "CNAME", "again.wildloop.corp.example."),
        ("_web._tcp", "SRV", "0 1 80 www.corp.example."),
        ("_web._tcp", "SRV", "0 2 81 two.corp.example."),
        ("_web._tcp", "SRV", "5 0 82 six.corp.example."),
        ("_one._tcp", "SRV", "0 0 0 two.corp.example."),
        ("_none._tcp", "SRV", "0 0 1 nobody.corp.example."),
        ("_out._tcp", "SRV", "0 0 1 www.elsewhere.test."),
        ("_sub._tcp", "SRV", "0 0 1 host.sub.corp.example."),
        ("_wild._udp", "SRV", "0 0 1 some.wild.corp.example."),
        ("_alias._udp", "SRV", "0 0 1 alias.corp.example."),
        ("_self._tcp", "SRV", "0 0 1 _self._tcp.corp.example."), ("_self._tcp", "A", "192.0.2.77"),
        ("_no._tcp", "SRV", "0 0 0 ."),
    ]
    records += [(f"step{i}", "CNAME", f"step{i + 1}.corp.example.") for i in range(12)]
    records += [("forty", "A", f"198.51.100.{i}") for i in range(40)]
    records += [("many", "A", f"203.0.113.{i}") for i in range(120)]
    records += [("manytoo", "AAAA", f"2001:db8:1::{i:x}") for i in range(60)]
    records += [("_many._tcp", "SRV", f"0 1 {i} host{i}.sub.corp.example.") for i in range(30)]
    return tuple(records)


def _sub():
    return (("host", "A", "192.0.2.130"), ("host", "AAAA", "2001:db8::130"),
            ("@", "TXT", "a zone in a zone"), ("*", "A", "192.0.2.131"),
            ("back", "CNAME", "www.corp.example."),
            *((f"host{i}", "A", f"192.0.2.{140 + i}") for i in range(30)))


ZONES = (
    Zone("corp.example", 30, _corp(), aliases=("alias.example",)),
    Zone("sub.corp.example", 3, _sub()),
    Zone("9.10.in-addr.arpa", 60, (("1.0", "PTR", "client.corp.example."),
                                   ("53.0", "PTR", "ns1.mesos."))),
    Zone("empty.test", 0),
    Zone("mesos", 7),
)


def ttl_of(zone, name):
    """Of a set of records: its own, or the zone's."""
    return len(name) * 10 if len(name) % 2 else zone.ttl_s


def zones_yaml():
    """The rest of `dns`, behind `listen`."""
    lines = ["  name_servers: [" + ", ".join(NAME_SERVERS) + "]",
             "  soa: { " + ", ".join(f"{key}: {value}" for key, value in SOA.items()) + " }",
             "  zones:"]
    for zone in ZONES:
        lines.append(f"    - name: {zone.name}\n      ttl_s: {zone.ttl_s}\n"
                     f"      aliases: [{', '.join(zone.aliases)}]\n      records:")
        lines[-1] += "" if zone.records else " []"
        for name, kind, data in zone.records:
            lines.append(f"        - {{ name: '{name}', type: {kind}, data: '{data}', "
                         f"ttl_s: {ttl_of(zone, name)} }}")
    return "\n".join(lines) + "\n"


def zone_files(serial):
    """Of every zone, and of every alias of it or of one above it: name and text."""
    renamed = [(alias, zone.name) for zone in ZONES for alias in zone.aliases]
    for zone in ZONES:
        aliases = [zone.name.removesuffix(original) + alias for alias, original in renamed
                   if ("." + zone.name).endswith("." + original)]
        for name in [zone.name, *aliases]:
            yield name, _zone_file(zone, serial)


def _zone_file(zone, serial):
    numbers = " ".join(str(SOA[key]) for key in ("refresh_s", "retry_s", "expire_s", "minimum_s"))
    lines = [f"@ {zone.ttl_s} IN SOA {SOA['mname']} {SOA['rname']} {serial} {numbers}"]
    lines += [f"@ {zone.ttl_s} IN NS {server}" for server in NAME_SERVERS]
    for server in NAME_SERVERS:
        if server.split(".", 1)[1] == zone.name + ".":
            label = server.split(".")[0]
            lines += [f"{label} {zone.ttl_s} IN {'AAAA' if ':' in address else 'A'} {address}"
                      for address in DNS_ADDRESSES]
    lines += [f"{name} {ttl_of(zone, name)} IN {kind} {_text(kind, data)}"
              for name, kind, data in zone.records]
    return "\n".join(lines) + "\n"


def _text(kind, data):
    if kind != "TXT" or data.startswith('"'):
        return data
    return " ".join(f'"{data[at:at + 255]}"' for at in range(0, len(data), 255))


def labels_of(text):
    return [label.encode() for label in text.split(".")]


def all_names():
    """Those with records and those above them, of zones and of aliases: tuples of labels."""
    names = {}
    for apex, text in zone_files(0):
        for line in text.splitlines():
            owner = line.split(" ", 1)[0]
            labels = ([] if owner == "@" else labels_of(owner)) + labels_of(apex)
            while len(labels) >= len(labels_of(apex)):
                names[tuple(labels)] = None
                labels = labels[1:]
    return list(names)
