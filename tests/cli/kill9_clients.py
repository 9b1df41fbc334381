"""Clients that change what a gateway serves, and what each of them knows about it.

The state is a dictionary: ("service", name) → its document; ("drain", real) → True."""

import threading

from api_client import DRAINS, ENDS, SERVICES, ApiClient

SLOTS = 5
REALS = ("10.9.1.11", "10.9.1.12")
GONE = None


class Client:
    """Has names and reals of its own, so that what it was told is what is there."""

    def __init__(self, number, draw):
        self.number, self.draw = number, draw
        self.known = {}     # what was answered with success
        self.unsure = {}    # what a request without an answer would make of it
        self.etags, self.addresses, self.since = {}, {}, {}
        self.answers, self.problems = 0, []
        self.revision = 0

    def document(self, slot):
        """A new one for the slot: half of them have an address that is given out."""
        self.revision += 1
        port = 2000 + 100 * self.number + 10 * slot
        vip = "auto" if slot % 2 == 0 else f"11.7.{self.number}.{slot}"
        reals = [{"address": REALS[i % 2], "port": port + i,
                  "weight": 1 + self.revision % 90} for i in range(1 + self.revision % 3)]
        if slot == 0:  # the one whose reals are taken out: it has all of them always
            reals = [{"address": REALS[i % 2], "port": port + i} for i in range(3)]
        return {"name": f"c{self.number}-s{slot}", "vip": vip, "port": 80 + slot, "reals": reals}

    def run(self, port):
        """Until the daemon has gone."""
        with ApiClient(port) as api:
            try:
                while not self.problems:
                    self.step(api)
            except ENDS:
                pass

    def change(self, api, after, *request, expect=(200, 201)):
        """One request that makes `after` of what is known; its reply."""
        self.unsure = after
        reply = api.ask(*request)
        if reply.status not in expect:
            self.problems.append(f"{request}: {reply.status} {reply.text}")
        self.unsure = {}
        self.answers += 1
        self.known |= after
        return reply

    def step(self, api):
        slot = self.draw.randrange(SLOTS)
        name = f"c{self.number}-s{slot}"
        key = ("service", name)
        is_there = self.known.get(key) is not GONE
        if slot == 0 and is_there:
            return self.drain_or_give_back(api)
        if not is_there:
            made = self.document(slot)
            reply = self.change(api, {key: made}, "POST", SERVICES, made)
            self.addresses[name] = reply.headers["Location"].rsplit("/", 1)[1]
        elif self.draw.random() < 0.3:
            address = self.addresses.pop(name)
            self.etags.pop(name, None)
            self.change(api, {key: GONE}, "DELETE", f"{SERVICES}/{address}")
            return
        else:
            made = self.document(slot)
            headers = {"If-Match": self.etags[name]} if name in self.etags else {}
            reply = self.change(api, {key: made}, "PUT", f"{SERVICES}/{self.addresses[name]}",
                                made, headers)
        self.etags[name] = reply.headers["ETag"]

    def drain_or_give_back(self, api):
        real = self.draw.choice(self.known[("service", f"c{self.number}-s0")]["reals"])
        real = f"{real['address']}:{real['port']}"
        key = ("drain", real)
        if self.known.get(key):
            self.since.pop(real, None)
            self.change(api, {key: GONE}, "DELETE", f"{DRAINS}/{real}")
        else:
            reply = self.change(api, {key: True}, "PUT", f"{DRAINS}/{real}?force=true")
            self.since[real] = reply.json()["since"]

    def settle(self, present):
        """Takes over what of the unsure is there, wholly or not at all; what is wrong."""
        both = {key: present.get(key) for key in self.unsure}
        was = {key: self.known.get(key) for key in self.unsure}
        if both not in (was, self.unsure):
            wrong = [key for key, value in both.items() if value not in (was[key],
                                                                         self.unsure[key])]
            return [f"client {self.number}: half there: {wrong or sorted(both)[:5]}"]
        for kind, name in both:
            if kind == "service":
                self.etags.pop(name, None)
                self.addresses.pop(name, None)
            else:
                self.since.pop(name, None)
        self.known |= both
        self.unsure = {}
        return []


class Batcher(Client):
    """Replaces all services at once: those that the others made, and many of its own."""

    def __init__(self, number, draw, others, count):
        super().__init__(number, draw)
        self.others, self.count = others, count

    def step(self, api):
        self.revision += 1
        kept = [document for client in self.others for key, document in client.known.items()
                if key[0] == "service" and document is not GONE]
        own = [{"name": f"many-{i}", "vip": f"11.8.{i // 250}.{1 + i % 250}", "port": 80,
                "reals": [{"address": REALS[0], "port": 9000, "weight": self.revision % 90 + 1}]}
               for i in range(self.count - self.revision % 3)]
        after = {("service", f"many-{i}"): GONE for i in range(self.count)}
        after |= {("service", document["name"]): document for document in own}
        self.change(api, after, "PUT", SERVICES, {"services": kept + own})


def run_until_killed(clients, port, kill):
    """All at the same time, until `kill()` has ended the daemon."""
    threads = [threading.Thread(target=client.run, args=(port,)) for client in clients]
    for thread in threads:
        thread.start()
    kill()
    for thread in threads:
        thread.join()
