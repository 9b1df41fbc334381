#!/usr/bin/python3
"""The kernel's routes as next hops: a real behind routers, and traffic to it.

             br-cluster ══ eth0 r1 to-far ── to-r1 ┐
    vg-cluster ══╡         10.9.1.21               far: the real 10.20.0.11, fd09:20::11
             br-cluster ══ eth0 r2 to-far ── to-r2 ┘
                           10.9.1.22

Usage: routes_test.py CASE
"""

import json
import shutil
import signal
import sys

from lab import SKIPPED, TOP, Failure, main, wait_for

FLOWS = TOP / "tests/netns/numbered_flows.py"
PORT = 7001
MOVES = 6
SERVICES = """\
services:
  - {{ name: far, vip: "{vip}", port: {port}, protocol: tcp, reals: [{{ address: "{real}", port: {port} }}] }}
  - {{ name: far, vip: "{vip}", port: {port}, protocol: udp, reals: [{{ address: "{real}", port: {port} }}] }}
"""


class Net:
    """What differs between the families. `gateways`: r1 and r2 as the gateway sees them; `behind`: as
    the real does."""

    def __init__(self, flag, vip, real, prefix, cluster, gateways, behind):
        self.flag, self.vip, self.real, self.prefix = flag, vip, real, prefix
        self.cluster, self.gateways, self.behind = cluster, gateways, behind


IPV4 = Net("-4", "11.202.66.40", "10.20.0.11", "10.20.0.0/24", "10.9.1.0/24",
           ("10.9.1.21", "10.9.1.22"), ("10.9.21.1", "10.9.22.1"))
IPV6 = Net("-6", "fd01:c::40", "fd09:20::11", "fd09:20::/64", "fd09:1::/64",
           ("fd09:1::21", "fd09:1::22"), ("fd09:21::1", "fd09:22::1"))


def build(lab):
    """The routers and what is behind them."""
    lab.tell("lab_make_namespace", "far")
    for i in (1, 2):
        router = f"r{i}"
        lab.tell("lab_make_host", router, "br-cluster", f"10.9.1.2{i}/24", f"fd09:1::2{i}/64")
        lab.run(router, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        lab.run(router, "ip", "link", "add", "to-far", "type", "veth", "peer", "name", f"to-{router}",
                "netns", f"{lab.id}-far")
        for namespace, device, host in ((router, "to-far", 1), ("far", f"to-{router}", 2)):
            lab.run(namespace, "ip", "address", "add", f"10.9.2{i}.{host}/24", "dev", device)
            lab.run(namespace, "ip", "address", "add", f"fd09:2{i}::{host}/64", "dev", device, "nodad")
            lab.run(namespace, "ip", "link", "set", device, "up")
        for net, far in ((IPV4, f"10.9.2{i}.2"), (IPV6, f"fd09:2{i}::2")):
            lab.run(router, "ip", net.flag, "route", "add", net.prefix, "via", far)
    for net in (IPV4, IPV6):
        lab.run("far", "ip", "address", "add", net.real, "dev", "lo", *(["nodad"] if ":" in net.real else []))
        answer_by(lab, net, 0)
    lab.spawn("far", "far.log", sys.executable, FLOWS, "--serve", "--port", PORT)
    wait_for("the real", lambda: "listening" in (lab.directory / "far.log").read_text())


def start(lab, net):
    config = lab.config()
    with open(config, "a", encoding="utf-8") as file:
        file.write(SERVICES.format(vip=net.vip, real=net.real, port=PORT))
    return lab.start_gateway(config, wait_for_backends=False)


def lead_by(lab, net, i):
    """The gateway's route to the real leads by that router."""
    lab.run("gw", "ip", net.flag, "route", "replace", net.prefix, "via", net.gateways[i], "dev", "vg-cluster")


def answer_by(lab, net, i):
    """The real's answers go by that router."""
    lab.run("far", "ip", net.flag, "route", "replace", net.cluster, "via", net.behind[i], "src", net.real)


def answers(lab, net):
    return lab.succeeds("client", "timeout", "2", "bash", "-c",
                        f"exec 3<>/dev/tcp/{net.vip}/{PORT}; echo hello >&3; read -r line <&3; [ $line = hello ]")


def carried(lab):
    """Packets that each router has received from the gateway's side."""
    return [int(lab.run(router, "cat", "/sys/class/net/eth0/statistics/rx_packets"))
            for router in ("r1", "r2")]


def wait_carried_by(lab, i):
    base = carried(lab)
    wait_for(f"r{i + 1} to carry the traffic", lambda: carried(lab)[i] > base[i] + 200)
    settled = carried(lab)
    wait_for(f"r{i + 1} to carry more", lambda: carried(lab)[i] > settled[i] + 500)
    stray = carried(lab)[1 - i] - settled[1 - i]
    if stray > 10:  # neighbour discovery may go on
        raise Failure(f"r{2 - i} still carries {stray} packets")


def gateway_moves(lab, net):
    """A route moves between two gateways while flows run through it: nothing is lost or overtaken, and
    all of it follows at once. Then the one that is not used goes away."""
    build(lab)
    gateway = start(lab, net)
    gateway.wait_log(rf"leads to 1 reals: {net.real} \(no route\)")
    lead_by(lab, net, 0)
    wait_for("the VIP to answer", lambda: answers(lab, net))
    unresolved = gateway.counters().get("drop.next_hop_unresolved", 0)
    load = lab.spawn("client", "flows.log", sys.executable, FLOWS, "--vip", net.vip, "--port", PORT,
                     "--flows", 4, "--numbers", 20000)
    log = lab.directory / "flows.log"
    for move in range(1, MOVES + 1):
        lead_by(lab, net, move % 2)
        wait_carried_by(lab, move % 2)
        if load.poll() is not None:
            raise Failure(f"the flows have ended too early: {log.read_text()}")
    answer_by(lab, net, 0)
    lab.run("r2", "ip", "link", "set", "eth0", "down")
    if wait_for("the flows to end", lambda: load.poll() is not None and [load.poll()], 120) != [0]:
        raise Failure(f"the flows broke: {log.read_text()}")
    counters = gateway.counters()
    if counters.get("drop.next_hop_unresolved", 0) != unresolved:
        raise Failure(f"packets had no next hop: {counters}")
    if counters["routes.changes"] < MOVES:
        raise Failure(f"not every move was a change of routes: {counters}")
    print(log.read_text().strip())


def refused_and_back(lab):
    """A blackhole route takes the real away, and the log says which; without it the way is there again."""
    build(lab)
    net = IPV4
    gateway = start(lab, net)
    lead_by(lab, net, 0)
    wait_for("the VIP to answer", lambda: answers(lab, net))
    before = gateway.counters().get("drop.next_hop_unresolved", 0)
    lab.run("gw", "ip", "route", "add", "blackhole", net.real)
    gateway.wait_log(rf"leads to 1 reals: {net.real} \(blackhole {net.real}/32\)")
    if answers(lab, net):
        raise Failure("the VIP answers though its real is behind a blackhole")
    dropped = gateway.counters().get("drop.next_hop_unresolved", 0) - before
    if dropped == 0:
        raise Failure("no packet was dropped for its next hop")
    lab.run("gw", "ip", "route", "del", "blackhole", net.real)
    wait_for("the VIP to answer again", lambda: answers(lab, net))
    # IPv4 routes go with their interface, without a word of the kernel.
    lab.run("gw", "ip", "link", "set", "vg-cluster", "down")
    gateway.wait_log(rf"leads to 1 reals: {net.real} \(no route\)", count=2)


RECEIVE = """
import socket
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("10.9.0.1", 7002))
print("listening", flush=True)
while True:
    print(receiver.recvfrom(100), flush=True)
"""
SEND = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('10.9.0.1', 7002))"


def transit(lab):
    """A real's packets to an address that is not the gateway's are forwarded by the kernel, as long as
    `transit` says so."""
    config = lab.config()
    with open(config, "a", encoding="utf-8") as file:
        file.write(SERVICES.format(vip=IPV4.vip, real="10.9.1.11", port=PORT))
    gateway = lab.start_gateway(config)
    lab.run("gw", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    lab.spawn("client", "received.log", sys.executable, "-c", RECEIVE)
    received = lab.directory / "received.log"
    wait_for("the receiver", lambda: "listening" in received.read_text())

    def sent_arrives():
        lab.run("b1", sys.executable, "-c", SEND)
        return "('10.9.1.11'," in received.read_text()

    wait_for("a datagram of the real to arrive", sent_arrives)
    if gateway.counters().get("kernel.transit", 0) == 0:
        raise Failure("it went another way")
    config.write_text(config.read_text() + "transit: drop\n")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_log("configuration reloaded")

    def is_dropped():
        lab.run("b1", sys.executable, "-c", SEND)
        return gateway.counters().get("drop.transit", 0) > 0

    wait_for("transit to be dropped", is_dropped)


PROBE = """
import socket, sys
# RFC 1191: the kernel refuses what is longer than the way to the VIP takes, once it was told.
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14
probe.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
probe.connect((sys.argv[1], int(sys.argv[2])))
try:
    probe.send(bytes(1440))
except OSError:
    pass
print(probe.getsockopt(socket.IPPROTO_IP, IP_MTU))
"""


def tunnel_mtu(lab):
    """A link behind the router takes less than the ports: its ICMP error about a tunnel's packet makes the
    gateway tell the client."""
    build(lab)
    net = IPV4
    for namespace, device in (("r1", "to-far"), ("far", "to-r1")):
        lab.run(namespace, "ip", "link", "set", device, "mtu", 1400)
    config = lab.config()
    with open(config, "a", encoding="utf-8") as file:
        file.write(f"""services:
  - {{ name: far, vip: "{net.vip}", port: {PORT}, protocol: udp, mode: ipip, tunnel_source_ipv4: 10.9.1.2,
      reals: [{{ address: "{net.real}" }}] }}
""")
    gateway = lab.start_gateway(config, wait_for_backends=False)
    lead_by(lab, net, 0)

    def known_mtu():
        return int(lab.run("client", sys.executable, "-c", PROBE, net.vip, PORT))

    wait_for("the client to be told", lambda: known_mtu() == 1400 - 20)
    counters = gateway.counters()
    if counters.get("tunnels.lowered_mtus") != 1 or not counters.get("tunnel_mtu_errors"):
        raise Failure(f"it learnt of it in another way: {counters}")


def announced(lab):
    """What routing daemons find in the table: IPv4's, then IPv6's."""
    found = []
    for flag in ("-4", "-6"):
        text = lab.run("gw", "ip", "-j", flag, "route", "show", "table", "100", "proto", "118", check=False)
        # As long as there is no such table, `ip` ends in the middle of its answer.
        routes = json.loads(text) if text.rstrip().endswith("]") else []
        found += sorted(route["dst"] for route in routes)
    return found


def announce(lab):
    """Routes of VIPs come and go with their reals, are withdrawn on an ordered stop, and what a killed
    gateway left behind is taken away by the next one."""
    plain = lab.config().read_text()

    def configure(*nets):
        services = "".join(SERVICES.format(vip=net.vip, real=real, port=PORT).removeprefix("services:\n")
                           for net, real in nets)
        file = lab.directory / "announce.yaml"
        file.write_text(plain + "announce: { table: 100 }\nservices:\n" + services, encoding="utf-8")
        return file

    v4, v6 = (IPV4, "10.9.1.11"), (IPV6, "fd09:1::11")
    gateway = lab.start_gateway(configure(v4, v6), wait_for_backends=False)
    wait_for("both VIPs to be announced", lambda: announced(lab) == [IPV4.vip, IPV6.vip])
    gateway.stop()
    if announced(lab):
        raise Failure(f"left behind by an ordered stop: {announced(lab)}")
    gateway = lab.start_gateway(configure(v4, v6), wait_for_backends=False)
    wait_for("both VIPs to be announced", lambda: announced(lab) == [IPV4.vip, IPV6.vip])
    gateway.kill()
    if announced(lab) != [IPV4.vip, IPV6.vip]:
        raise Failure("who took them away?")
    gateway = lab.start_gateway(configure(v6), wait_for_backends=False)
    wait_for("the left-over to go", lambda: announced(lab) == [IPV6.vip])


def announce_with_link(lab):
    """Routes of VIPs are withdrawn while the clients' port has no link, and that of the reals' does not
    matter; a link that comes back brings them back."""
    config = lab.directory / "announce.yaml"
    service = SERVICES.format(vip=IPV4.vip, real="10.9.1.11", port=PORT)
    config.write_text(lab.config().read_text() + "announce: { table: 100 }\n" + service, encoding="utf-8")
    gateway = lab.start_gateway(config, wait_for_backends=False)
    wait_for("the VIP to be announced", lambda: announced(lab) == [IPV4.vip])
    for port, tap, stays in (("cluster", "vg1", True), ("edge", "vg0", False)):
        losses = gateway.log().count("link down")
        lab.run("gw", "ip", "link", "set", tap, "down")
        gateway.wait_log(rf"port {port}: link down")
        wait_for(f"the route without {port}", lambda: (announced(lab) == [IPV4.vip]) == stays)
        lab.run("gw", "ip", "link", "set", tap, "up")
        gateway.wait_log(rf"port {port}: link up")
        wait_for("the VIP to be announced again", lambda: announced(lab) == [IPV4.vip])
        if gateway.log().count("link down") != losses + 1:
            raise Failure("a link that goes once is logged several times")
    gateway.wait_log("all VIPs' routes are withdrawn: no port by which clients come has link")
    if gateway.counters().get("port.edge.link_losses") != 1:
        raise Failure("the loss was not counted")


ROUTER = """\
router id 10.9.0.1;
protocol device { }
protocol bgp {
  local 10.9.0.1 as 64513;
  neighbor 10.9.0.2 as 64512;
  connect delay time 1;
  ipv4 { import all; export none; };
}
protocol bgp {
  local fd09::1 as 64513;
  neighbor fd09::2 as 64512;
  connect delay time 1;
  ipv6 { import all; export none; };
}
"""


def announce_by_bgp(lab):
    """BIRD, with the sample configuration, tells a router of the VIPs: the session goes by vipgated's own
    exception path."""
    if not shutil.which("bird"):
        print("SKIPPED: bird is not installed (make deps installs it)", file=sys.stderr)
        sys.exit(SKIPPED)
    plain = lab.config().read_text() + "announce: { table: 100 }\nservices:\n"
    both = "".join(SERVICES.format(vip=net.vip, real=real, port=PORT).removeprefix("services:\n")
                   for net, real in ((IPV4, "10.9.1.11"), (IPV6, "fd09:1::11")))
    config = lab.directory / "announce.yaml"
    config.write_text(plain + both, encoding="utf-8")
    gateway = lab.start_gateway(config)
    router = lab.directory / "router.conf"
    router.write_text(ROUTER, encoding="utf-8")
    for namespace, file in (("gw", TOP / "config/bird.conf"), ("client", router)):
        lab.spawn(namespace, f"bird-{namespace}.log", "bird", "-f", "-c", file,
                  "-s", lab.directory / f"{namespace}.ctl", "-P", lab.directory / f"{namespace}.pid")

    def known():
        text = lab.run("client", "birdc", "-s", lab.directory / "client.ctl", "show", "route", check=False)
        return {word for word in text.split() if "/" in word}

    wait_for("the router to know both VIPs", lambda: known() == {f"{IPV4.vip}/32", f"{IPV6.vip}/128"}, 60)
    gateway.stop()
    wait_for("the router to forget them", lambda: not known())


OSPF = """\
router id {router};
protocol device {{ }}
protocol ospf v2 four {{
  area 0 {{ interface "{interface}" {{ hello 1; wait 2; dead count 4; }}; }};
}}
protocol ospf v3 six {{
  ipv6 {{ import none; export none; }};
  area 0 {{ interface "{interface}" {{ hello 1; wait 2; dead count 4; }}; }};
}}
"""


def ospf(lab):
    """BIRD beside the gateway and BIRD beyond it find each other by multicast, over IPv4 and IPv6."""
    if not shutil.which("bird"):
        print("SKIPPED: bird is not installed (make deps installs it)", file=sys.stderr)
        sys.exit(SKIPPED)
    gateway = lab.start_gateway(lab.config(), wait_for_backends=False)
    for namespace, interface, router in (("gw", "vg-edge", "10.9.0.2"), ("client", "eth0", "10.9.0.1")):
        file = lab.directory / f"ospf-{namespace}.conf"
        file.write_text(OSPF.format(router=router, interface=interface), encoding="utf-8")
        lab.spawn(namespace, f"bird-{namespace}.log", "bird", "-f", "-c", file,
                  "-s", lab.directory / f"{namespace}.ctl", "-P", lab.directory / f"{namespace}.pid")

    def is_full(namespace, protocol):
        text = lab.run(namespace, "birdc", "-s", lab.directory / f"{namespace}.ctl", "show", "ospf", "neighbors",
                       protocol, check=False)
        return "Full" in text

    for namespace in ("client", "gw"):
        for protocol in ("four", "six"):
            wait_for(f"{protocol} to be adjacent in {namespace}", lambda n=namespace, p=protocol: is_full(n, p), 60)
    if not gateway.counters().get("kernel.routing"):
        raise Failure("it went another way")


CASES = {
    "gateway_moves_ipv4": lambda lab: gateway_moves(lab, IPV4),
    "gateway_moves_ipv6": lambda lab: gateway_moves(lab, IPV6),
    "refused_and_back": refused_and_back,
    "transit": transit,
    "tunnel_mtu": tunnel_mtu,
    "announce": announce,
    "announce_with_link": announce_with_link,
    "announce_by_bgp": announce_by_bgp,
    "ospf": ospf,
}

if __name__ == "__main__":
    main(CASES, __doc__)
