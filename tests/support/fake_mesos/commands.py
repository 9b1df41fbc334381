"""What tests tell the masters to do: one method per command, all in the masters' event loop.

A command is a dictionary {"op": NAME, …arguments}; its answer is a dictionary. Where events are
sent, its `sent_ns` (CLOCK_MONOTONIC, the same in every network namespace) is when writing began.
"""

import asyncio
import base64
import json
import time

from . import generate, messages
from .cluster import CommandError


class Commands:
    def __init__(self, masters):
        self.masters, self.cluster = masters, masters.cluster
        self.corked = None  # a batch collects its events here
        self.held = []  # encoded events of a batch that waits for its release

    async def run(self, command):
        """Raises CommandError."""
        arguments = dict(command)
        name = str(arguments.pop("op", ""))
        method = getattr(self, f"op_{name}", None)
        if method is None:
            raise CommandError(f"there is no command '{name}'")
        try:
            answer = method(**arguments)
            return (await answer if asyncio.iscoroutine(answer) else answer) or {}
        except (TypeError, ValueError, KeyError) as error:
            raise CommandError(f"{name}: {error!r}") from error

    def _send(self, events):
        if self.corked is not None:
            self.corked += events
            return {"events": len(events)}
        return {"events": len(events), "sent_ns": self.masters.send(events)}

    # --- the cluster

    def op_add_agent(self, **arguments):
        """address; if wanted hostname, agent_id, attributes {name: value}, domain [a, b]."""
        events, agent_id = self.cluster.add_agent(**arguments)
        return {**self._send(events), "agent": agent_id}

    def op_add_framework(self, **arguments):
        """name, and if wanted framework_id, partition_aware, hostname."""
        events, framework_id = self.cluster.add_framework(**arguments)
        return {**self._send(events), "framework": framework_id}

    def op_remove_framework(self, framework):
        return self._send(self.cluster.remove_framework(framework))

    def op_add_task(self, **spec):
        """name; agent (id, address or hostname); if wanted framework (name or id), id, state,
        healthy, health_check, labels {key: value}, discovery_name, network (host, bridge,
        container) with addresses, ports: a list of {number, name, protocol, vip: "/redis:6379" |
        labels}."""
        events, task_id = self.cluster.add_task(spec)
        return {**self._send(events), "task": task_id}

    def op_update_task(self, task, **arguments):
        """state, healthy, addresses."""
        return self._send(self.cluster.update_task(task, **arguments))

    def op_kill_task(self, task, **arguments):
        """If wanted state (TASK_KILLED) and killing: TASK_KILLING comes before it."""
        return self._send(self.cluster.kill_task(task, **arguments))

    def op_agent_unreachable(self, agent):
        return self._send(self.cluster.agent_unreachable(agent))

    def op_agent_return(self, agent):
        return self._send(self.cluster.agent_return(agent))

    def op_deactivate_agent(self, agent):
        return self._send(self.cluster.deactivate_agent(agent))

    def op_agent_gone(self, agent):
        return self._send(self.cluster.agent_gone(agent))

    def op_remove_agent(self, agent):
        return self._send(self.cluster.remove_agent(agent))

    def op_agent_reregister(self, agent):
        """An agent of before a failover, or "*": all of them."""
        agents = [a.id for a in self.cluster.linked("recovered")] if agent == "*" else [agent]
        return self._send([e for a in agents for e in self.cluster.agent_reregister(a)])

    def op_generate(self, **scale):
        """A large cluster (see generate.Scale). Subscribers are not told: they come later."""
        began = time.monotonic()
        generate.populate(self.cluster, generate.Scale(**scale))
        return {"tasks": len(self.cluster.tasks), "seconds": round(time.monotonic() - began, 3)}

    def op_batch(self, commands, reverse=False, hold=False):
        """Every command first, then one write of all their events, in reverse if told. `hold`: they
        are written by the command release."""
        self.corked, answers = [], []
        try:
            for command in commands:
                method = getattr(self, f"op_{command['op']}")
                answers.append(method(**{k: v for k, v in command.items() if k != "op"}))
            events = self.corked
        finally:
            self.corked = None
        events = events[::-1] if reverse else events
        if hold:
            self.held = [messages.encode(event) for event in events]
            return {"events": len(events), "answers": answers}
        return {**self._send(events), "answers": answers}

    def op_release(self):
        held, self.held = self.held, []
        return {"events": len(held), "sent_ns": self.masters.send_records(held)}

    def op_tasks(self, name=None, agent=None):
        """Ids and agents, of one name or one agent if wanted."""
        agent_id = self.cluster.find_agent(agent).id if agent else None
        found = [t for t in self.cluster.tasks.values()
                 if agent_id in (None, t.agent_id) and (not name or t.fields["name"] == name)]
        return {"tasks": [{"task": t.id, "agent": self.cluster.agents[t.agent_id].address}
                          for t in found]}

    def op_state(self):
        return {"tasks": len(self.cluster.tasks), "agents": len(self.cluster.agents),
                "leader": self.masters.leader, "ports": [m.port for m in self.masters.masters],
                "streams": len(self.masters.streams), "subscriptions": self.masters.subscriptions,
                "last_subscribed": self.masters.last_subscribed}

    # --- the masters

    def op_failover(self, leader=None, recovered=None, streams=True):
        """The next master (or `leader`) leads; agents (or those in `recovered`) have not come back.
        The old leader, which lost its leadership, ends its streams."""
        count = len(self.masters.masters)
        before = -1 if self.masters.leader is None else self.masters.leader
        self.masters.leader = (before + 1) % count if leader is None else leader
        ids = None if recovered is None else {self.cluster.find_agent(a).id for a in recovered}
        self.cluster.failover(ids)
        if streams:
            self.masters.close_streams()
        return {"leader": self.masters.leader}

    def op_leader(self, leader, recovering=False):
        """null: nobody leads. `recovering`: it answers 503 until told otherwise."""
        self.masters.leader, self.masters.recovering = leader, recovering
        self.masters.close_streams()

    async def op_stop_master(self, master=0):
        await self.masters.stop_master(self.masters.masters[master])

    async def op_start_master(self, master=0):
        await self.masters.start_master(self.masters.masters[master])

    def op_expire_tokens(self):
        self.masters.tokens.clear()

    def op_clock(self, shift_s):
        """The time in task statuses is off by so much from now on."""
        self.cluster.clock = lambda: time.time() + shift_s

    def op_master_info(self, master=0):
        return {"info": self.masters.master_info(self.masters.masters[master])}

    def op_requests(self):
        """The latest requests, oldest first."""
        return {"requests": list(self.masters.log)}

    async def op_wait(self, streams=0, subscriptions=0, seconds=30):
        """Until so many subscribers are there, and so many have had SUBSCRIBED since the start."""
        deadline = time.monotonic() + seconds
        while len(self.masters.streams) < streams or self.masters.subscriptions < subscriptions:
            left = deadline - time.monotonic()
            try:
                await asyncio.wait_for(self.masters.changed.wait(), left)
            except asyncio.TimeoutError:
                raise CommandError(f"waited {seconds} s in vain: {self.op_state()}") from None
        return self.op_state()

    # --- faults

    def op_faults(self, **values):
        """Changes those named (see faults.Faults); they act on streams that there are, too."""
        self.masters.faults.change(values)

    def op_cut(self, in_record=False):
        """Ends all streams, in the middle of a record if told."""
        for stream in list(self.masters.streams):
            if in_record:
                stream.send_raw(b'2000\n{"type":"TASK_ADDED","task_added":{"task":{"na')
        asyncio.get_running_loop().call_later(0.05 if in_record else 0, self.masters.close_streams)

    def op_raw(self, text=None, base64_bytes=None, repeat=1):
        """Bytes of a stream's body as they are: garbage, lengths without end."""
        data = (text.encode() if text is not None else base64.b64decode(base64_bytes)) * repeat
        for stream in list(self.masters.streams):
            stream.send_raw(data)

    def op_replay(self, records):
        """Events as they are (dictionaries), with no effect on the cluster."""
        return self._send(json.loads(json.dumps(records)))
