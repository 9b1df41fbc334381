"""The cluster as the leading master knows it, and the events that each change of it makes.

The events are those that Mesos 1.11 sends, with what it does not tell: an agent that becomes
unreachable makes updates of its tasks only, a repeated state none at all. All times are given by
the caller's clock. Not for two threads at once.
"""

import itertools
import json
import time
import uuid

from . import messages
from .messages import encode

TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST",
            "TASK_DROPPED", "TASK_GONE", "TASK_GONE_BY_OPERATOR"}
ITEMS_PER_PART = 1000
NAMESPACE = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


class CommandError(Exception):
    """A command that makes no sense; its text goes to whoever gave it."""


class Task:
    """A task as Mesos prints it: `raw` (bytes) until somebody needs `fields`."""

    __slots__ = ("id", "framework_id", "agent_id", "addresses", "raw", "_fields")

    def __init__(self, task_id, framework_id, agent_id, addresses, raw=None, fields=None):
        self.id, self.framework_id, self.agent_id = task_id, framework_id, agent_id
        self.addresses, self.raw, self._fields = addresses, raw, fields

    @property
    def fields(self):
        if self._fields is None:
            self._fields = json.loads(self.raw)
        return self._fields

    def changed(self):
        self.raw = None

    def encoded(self):
        if self.raw is None:
            self.raw = encode(self._fields)
        return self.raw


class Agent:
    """`link`: registered, recovered (known from before a failover), unreachable, gone."""

    __slots__ = ("id", "address", "fields", "link", "tasks")

    def __init__(self, agent_id, address, fields):
        self.id, self.address, self.fields = agent_id, address, fields
        self.link = "registered"
        self.tasks = {}  # ids in the order of their start


class Cluster:
    def __init__(self, cluster_id="30257977-0153-499d-a5b0-35afd842ef4d", clock=time.time):
        self.id, self.clock = cluster_id, clock
        self.agents, self.frameworks, self.tasks = {}, {}, {}
        self.unreachable = {}  # tasks of unreachable agents
        self.numbers = itertools.count()

    # --- finding

    def find_agent(self, what):
        """By id, address or hostname."""
        if what in self.agents:
            return self.agents[what]
        for agent in self.agents.values():
            if what in (agent.address, agent.fields["agent_info"]["hostname"]):
                return agent
        raise CommandError(f"there is no agent '{what}'")

    def find_framework(self, what):
        """By id or name."""
        if what in self.frameworks:
            return self.frameworks[what]
        for framework in self.frameworks.values():
            if framework["framework_info"]["name"] == what:
                return framework
        raise CommandError(f"there is no framework '{what}'")

    def find_task(self, task_id):
        task = self.tasks.get(task_id)
        if task is None:
            raise CommandError(f"there is no task '{task_id}'")
        return task

    # --- agents and frameworks

    def add_agent(self, address, hostname=None, agent_id=None, attributes=None, domain=None):
        agent_id = agent_id or f"{self.id}-S{len(self.agents)}"
        fields = messages.agent(agent_id, address, hostname or address, self.clock(),
                                (attributes or {}).items(), domain)
        self.agents[agent_id] = Agent(agent_id, address, fields)
        return [messages.agent_added(fields)], agent_id

    def add_framework(self, name, framework_id=None, partition_aware=True, hostname="127.0.0.1"):
        framework_id = framework_id or f"{self.id}-{len(self.frameworks):04d}"
        fields = messages.framework(framework_id, name, hostname, self.clock(), partition_aware)
        known = framework_id in self.frameworks
        self.frameworks[framework_id] = fields
        event = messages.framework_updated if known else messages.framework_added
        return [event(fields)], framework_id

    def remove_framework(self, what):
        """Teardown: an update of each task, then the framework."""
        fields = self.find_framework(what)
        framework_id = fields["framework_info"]["id"]["value"]
        events = []
        for task in [t for t in self.tasks.values() if t.framework_id == framework_id]:
            events += self._end(task, "TASK_KILLED", "Framework torn down")
        del self.frameworks[framework_id]
        return events + [messages.framework_removed(fields)]

    def agent_unreachable(self, what):
        """No AGENT_REMOVED: only its tasks tell."""
        agent = self.find_agent(what)
        agent.link = "unreachable"
        events = []
        for task in self._tasks_of(agent):
            if not self._partition_aware(task):
                events += self._end(task, "TASK_LOST", reason="REASON_SLAVE_REMOVED")
                continue
            events += self._set_status(task, "TASK_UNREACHABLE", reason="REASON_SLAVE_REMOVED")
            self.unreachable[task.id] = self.tasks.pop(task.id)
        return events

    def agent_return(self, what):
        """Its tasks before the agent itself, as where the framework is known."""
        agent = self.find_agent(what)
        agent.link = "registered"
        events = []
        for task_id in agent.tasks:
            task = self.unreachable.pop(task_id, None)
            if task is not None:
                task.fields["state"] = "TASK_RUNNING"
                self._append_status(task, "TASK_RUNNING")
                self.tasks[task_id] = task
                events.append(messages.task_added(task.fields))
        return events + [messages.agent_added(agent.fields)]

    def deactivate_agent(self, what):
        """It is offered no more tasks, and those that it has run on: no event at all."""
        self.find_agent(what).fields.update(active=False, deactivated=True)
        return []

    def agent_gone(self, what):
        """Marked gone by the operator: no AGENT_REMOVED either."""
        agent = self.find_agent(what)
        events = [e for t in self._tasks_of(agent) for e in self._end(t, "TASK_GONE_BY_OPERATOR")]
        del self.agents[agent.id]
        return events

    def remove_agent(self, what):
        """An orderly removal."""
        agent = self.find_agent(what)
        events = []
        for task in self._tasks_of(agent):
            events += self._end(task, "TASK_GONE" if self._partition_aware(task) else "TASK_LOST",
                                reason="REASON_SLAVE_REMOVED")
        del self.agents[agent.id]
        return events + [messages.agent_removed(agent.id)]

    def failover(self, recovered=None):
        """A new master leads: it knows of the agents `recovered` (ids; all, if None) only that they
        were there, and of their tasks and frameworks nothing yet."""
        for agent in self.agents.values():
            if agent.link == "registered" and (recovered is None or agent.id in recovered):
                agent.link = "recovered"
        for framework in self.frameworks.values():
            framework["recovered"] = True
            framework["active"] = framework["connected"] = False

    def agent_reregister(self, what):
        """An agent of before the failover comes back."""
        agent = self.find_agent(what)
        agent.link = "registered"
        tasks = self._tasks_of(agent)
        events, unknown = [], {}
        for task in tasks:
            framework = self.frameworks.get(task.framework_id)
            if framework is not None and framework["recovered"]:
                framework["recovered"] = False
                framework["active"] = framework["connected"] = True
                unknown[task.framework_id] = framework
        added = [messages.task_added(task.fields) for task in tasks]
        if not unknown:
            return added + [messages.agent_added(agent.fields)]
        events.append(messages.agent_added(agent.fields))
        events += [messages.framework_added(framework) for framework in unknown.values()]
        return events + added

    # --- tasks

    def add_task(self, spec):
        """TASK_ADDED as TASK_STAGING, then updates up to the state that is asked for."""
        agent = self.find_agent(spec["agent"])
        framework_id = self.find_framework(spec.get("framework", "marathon"))[
            "framework_info"]["id"]["value"]
        unique = uuid.uuid5(NAMESPACE, str(next(self.numbers)))
        task_id = spec.get("id") or f"{spec['name']}.{unique}"
        if task_id in self.tasks:
            raise CommandError(f"there is a task '{task_id}' already")
        own = spec.get("network", "host") == "container"
        addresses = spec.get("addresses") or ([] if own else [agent.address])
        fields = messages.task(spec, task_id, framework_id, agent.id)
        task = Task(task_id, framework_id, agent.id, addresses, fields=fields)
        self.insert(task)
        events = [json.loads(encode(messages.task_added(fields)))]
        state = spec.get("state", "TASK_RUNNING")
        if state != "TASK_STAGING":
            events += self._set_status(task, "TASK_STARTING", addresses=[agent.address])
        if state not in ("TASK_STAGING", "TASK_STARTING"):
            events += self._set_status(task, state, healthy=spec.get("healthy"))
        return events, task_id

    def insert(self, task):
        """Without an event: how a large cluster is made."""
        self.tasks[task.id] = task
        self.agents[task.agent_id].tasks[task.id] = None

    def update_task(self, task_id, state="TASK_RUNNING", healthy=None, addresses=None):
        """A status update. One that repeats the state is told only if it is about health."""
        task = self.find_task(task_id)
        if addresses is not None:
            task.addresses = addresses
        reason = None if healthy is None else "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
        if state in TERMINAL:
            return self._end(task, state)
        return self._set_status(task, state, healthy=healthy, reason=reason)

    def kill_task(self, task_id, state="TASK_KILLED", killing=False):
        task = self.find_task(task_id)
        events = self._set_status(task, "TASK_KILLING") if killing else []
        return events + self._end(task, state, "Command terminated with signal Terminated")

    # --- the whole

    def known_tasks(self):
        """Tasks that the leading master can tell of: not those of recovered agents."""
        hidden = {a.id for a in self.agents.values() if a.link == "recovered"}
        if not hidden:
            return list(self.tasks.values())
        return [task for task in self.tasks.values() if task.agent_id not in hidden]

    def linked(self, link):
        return [agent for agent in self.agents.values() if agent.link == link]

    def get_state(self, item_filter=None):
        """The body of GET_STATE; item_filter(kind, encoded items) gives what is printed."""
        return b"".join(self.get_state_parts(item_filter))

    def get_state_parts(self, item_filter=None):
        """The same in pieces, so that a large state is not copied over and over."""
        lists = {
            "tasks": [task.encoded() for task in self.known_tasks()],
            "unreachable_tasks": [task.encoded() for task in self.unreachable.values()],
            "frameworks": [encode(framework) for framework in self.frameworks.values()],
            "agents": [encode(agent.fields) for agent in self.linked("registered")],
            "recovered_agents": [encode(agent.fields["agent_info"])
                                 for agent in self.linked("recovered")]}
        if item_filter:
            for kind in ("tasks", "agents"):
                lists[kind] = item_filter(kind, lists[kind])
        parts = [b'{"get_tasks":']
        parts += _object_of_lists(lists, ("tasks", "unreachable_tasks"))
        parts.append(b',"get_executors":{},"get_frameworks":')
        parts += _object_of_lists(lists, ("frameworks",))
        parts.append(b',"get_agents":')
        parts += _object_of_lists(lists, ("agents", "recovered_agents"))
        return parts + [b"}"]

    def v0_state(self, leader):
        """/state as a dictionary. `leader`: MasterInfo."""
        of_framework = {}
        kinds = {"tasks": self.known_tasks(), "unreachable": self.unreachable.values()}
        for kind, tasks in kinds.items():
            for task in tasks:
                of_framework.setdefault((kind, task.framework_id), []).append(
                    messages.v0_task(task.fields))
        return {
            "version": messages.VERSION, "build_date": "2020-11-01 00:00:00", "id": leader["id"],
            "pid": leader["pid"], "hostname": leader["hostname"], "cluster": "fake",
            "leader": leader["pid"], "start_time": 1600000000.0, "elected_time": 1600000001.0,
            "leader_info": {key: leader[key] for key in ("id", "pid", "port", "hostname")},
            "flags": {}, "activated_slaves": float(len(self.linked("registered"))),
            "deactivated_slaves": 0.0, "unreachable_slaves": float(len(self.linked("unreachable"))),
            "slaves": [messages.v0_agent(a.fields) for a in self.linked("registered")],
            "recovered_slaves": [messages.v0_agent(a.fields) for a in self.linked("recovered")],
            "frameworks": [messages.v0_framework(fields, of_framework.get(("tasks", key), []),
                                                 of_framework.get(("unreachable", key), []))
                           for key, fields in self.frameworks.items()],
            "completed_frameworks": [], "orphan_tasks": [], "unregistered_frameworks": []}

    # --- inside

    def _tasks_of(self, agent):
        return [self.tasks[task_id] for task_id in agent.tasks if task_id in self.tasks]

    def _partition_aware(self, task):
        framework = self.frameworks.get(task.framework_id)
        return framework is not None and {"type": "PARTITION_AWARE"} in framework[
            "framework_info"]["capabilities"]

    def _append_status(self, task, state, healthy=None, reason=None, message=None, addresses=None):
        """Statuses of the same state in a row are one: the newest."""
        fields = task.fields
        latest = messages.status(fields, state, task.addresses if addresses is None else addresses,
                                 self.clock(), healthy, reason, message)
        statuses = fields.setdefault("statuses", [])
        if statuses and statuses[-1]["state"] == state:
            statuses[-1] = latest
        else:
            statuses.append(latest)
        task.changed()
        return latest

    def _set_status(self, task, state, healthy=None, reason=None, message=None, addresses=None):
        before = task.fields["state"]
        task.fields["state"] = state
        latest = self._append_status(task, state, healthy, reason, message, addresses)
        if state == before and reason != "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED":
            return []
        return [messages.task_updated(task.fields, latest)]

    def _end(self, task, state, message=None, reason=None):
        events = self._set_status(task, state, message=message, reason=reason)
        del self.tasks[task.id]
        self.agents[task.agent_id].tasks.pop(task.id, None)
        return events


def _object_of_lists(lists, names):
    """Pieces of {"tasks":[…],"unreachable_tasks":[…]}, without the lists that are empty."""
    parts, separator = [], b"{"
    for name in names:
        items = lists[name]
        if not items:
            continue
        parts.append(b'%s"%s":[' % (separator, name.encode()))
        for start in range(0, len(items), ITEMS_PER_PART):
            parts.append((b"," if start else b"") + b",".join(items[start:start + ITEMS_PER_PART]))
        parts.append(b"]")
        separator = b","
    return parts + [b"}" if parts else b"{}"]
