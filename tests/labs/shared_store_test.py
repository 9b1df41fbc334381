#!/usr/bin/python3
"""Two gateways whose store is one real ZooKeeper, and one cluster that both follow: whatever each of
them heard first, a name has the same address at both.

Usage: shared_store_test.py CASE
"""

import signal

from lab import BACKENDS, FIRST, SECOND, Failure, main, wait_for
from zookeeper_server import PORT, ZooKeeperServer

ZONE = "marathon.l4lb.thisdcos.directory"
# As many addresses as names: most want one that another of them wants, too.
RANGE = "11.0.0.1-11.0.0.12"
NAMES = [f"app-{letter}" for letter in "abcdefghijkl"]


class Pair:
    """The two gateways. Each has a /var/lib of its own, as on two machines."""

    def __init__(self, lab):
        self.lab, self.gateways, self.configs = lab, {}, {}
        for node in (FIRST, SECOND):
            self.configs[node] = lab.config(store=f"zk://127.0.0.1:{PORT}/vipgate", node=node,
                                            named_vips=f"ipv4: {RANGE}")
            (lab.directory / f"var-{node.name}").mkdir()
            self.start(node)

    def start(self, node):
        own = self.lab.directory / f"var-{node.name}"
        prefix = ["unshare", "--mount", "sh", "-c", f'mount --bind {own} /var/lib && exec "$@"', "-"]
        self.gateways[node] = self.lab.start_gateway(self.configs[node], prefix=prefix, node=node)

    def pause(self, node):
        self.gateways[node].process.send_signal(signal.SIGSTOP)

    def go_on(self, node):
        self.gateways[node].process.send_signal(signal.SIGCONT)

    def addresses(self, node, names):
        """Name → address, of those that have one there."""
        found = {name: self.lab.dig(f"{name}.{ZONE}", server=node.dns) for name in names}
        if many := [name for name in names if len(found[name]) > 1]:
            raise Failure(f"{many} have several addresses at {node.name}")
        return {name: addresses.pop() for name, addresses in found.items() if addresses}

    def wait_all(self, node, names):
        return wait_for(f"{node.name} to serve {names}", lambda: self._if_all(node, names))

    def _if_all(self, node, names):
        found = self.addresses(node, names)
        return found if len(found) == len(names) else None

    def equal(self, names):
        """The addresses, once they are the same at both, and each is that of one name."""
        def agreed():
            first = self._if_all(FIRST, names)
            return first if first and first == self._if_all(SECOND, names) else None

        found = wait_for(f"both to serve equal addresses of {names}", agreed)
        if len(set(found.values())) != len(names):
            raise Failure(f"two names share an address: {found}")
        return found

    def check_forwarding(self, names):
        """The VIP that a gateway tells of is one that it forwards."""
        for node in (FIRST, SECOND):
            self.lab.run("client", "ip", "route", "replace", "11.0.0.0/8", "via",
                         f"10.9.0.{node.host}")
            for name, vip in self.addresses(node, names).items():
                answer = self.lab.run("client", "timeout", "5", "redis-cli", "-h", vip, "-p", "6379",
                                      "PING", check=False)
                if answer.strip() != "PONG":
                    raise Failure(f"{name} does not answer at {vip} through {node.name}: {answer}")


def deploy(lab, names):
    """One by one, as the names are ordered."""
    agent = lab.agent("b1")
    for name in names:
        lab.master.add_task(name=name, agent=agent, ports=[
            {"number": BACKENDS["b1"][1], "name": "redis", "vip": f"/{name}:6379"}])


def one_then_all(lab, pair, names):
    """The first gateway hears the names one by one, the last in the alphabet first; the second, all
    at once. Returns what each serves as soon as it has heard."""
    pair.pause(SECOND)
    for name in reversed(names):
        deploy(lab, [name])
        pair.wait_all(FIRST, [name])
    first = pair.addresses(FIRST, names)
    subscriptions = lab.master.state()["subscriptions"]
    lab.master.cut()  # so that the second learns them from a new SUBSCRIBED
    pair.go_on(SECOND)
    lab.master.wait(subscriptions=subscriptions + 2)
    return first, pair.wait_all(SECOND, names)


def addresses_are_equal(lab):
    """Names that collide are given while ZooKeeper is there, while it is away, and while one gateway
    is down."""
    server = ZooKeeperServer(lab)
    lab.start_master()
    pair = Pair(lab)
    one_then_all(lab, pair, NAMES[:4])
    together = pair.equal(NAMES[:4])

    server.kill()
    for node in (FIRST, SECOND):
        pair.gateways[node].wait_log("ZooKeeper")
    alone = one_then_all(lab, pair, NAMES[4:8])
    if alone[0] == alone[1]:
        raise Failure(f"the names do not collide, so that nothing is tested: {alone}")
    server.start()
    healed = pair.equal(NAMES[:8])
    for name, address in together.items():
        if healed[name] != address:
            raise Failure(f"{name} moved from {address} to {healed[name]}, which nobody asked for")
    pair.check_forwarding(NAMES[:8])

    pair.gateways[FIRST].kill()
    for name in reversed(NAMES[8:]):
        deploy(lab, [name])
        pair.wait_all(SECOND, [name])
    before = pair.addresses(SECOND, NAMES)
    pair.start(FIRST)
    after = pair.equal(NAMES)
    if after != before:
        raise Failure(f"a restart moved addresses: {before}, then {after}")
    pair.check_forwarding(NAMES)
    print(f"equal at both: {after}")
    for gateway in pair.gateways.values():
        gateway.stop()


CASES = {"addresses_are_equal": addresses_are_equal}

if __name__ == "__main__":
    main(CASES, __doc__)
