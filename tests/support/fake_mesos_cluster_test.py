#!/usr/bin/python3
"""Tests of the fake Mesos cluster: what it prints has the shapes that a real master prints
(fake_mesos_samples/), and what is generated is the same every time."""

import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from fake_mesos import messages  # noqa: E402
from fake_mesos.cluster import Cluster  # noqa: E402
from fake_mesos.generate import Scale, populate  # noqa: E402

REDIS = {"name": "redis", "agent": "10.9.1.11",
         "ports": [{"number": 30585, "name": "redis", "vip": "/redis:6379"}]}


def shape(value, path="", found=None):
    """Paths of a JSON value with the types at their ends: {"task.statuses[].state": {str}}."""
    found = {} if found is None else found
    found.setdefault(path, set()).add(type(value))
    if isinstance(value, dict):
        for key, item in value.items():
            shape(item, f"{path}.{key}", found)
    if isinstance(value, list):
        for item in value:
            shape(item, path + "[]", found)
    return found


class SamplesTest(unittest.TestCase):
    """What we print has no key that a real master does not print, and no other type."""

    # In apache/mesos' protos, and not in these samples.
    NOT_IN_THE_SAMPLES = ("domain", "deactivated", "tcp", "unreachable_tasks", "attributes",
                          "recovered_agents")

    @classmethod
    def setUpClass(cls):
        text = (HERE / "fake_mesos_samples" / "operator_api.jsonl").read_text(encoding="utf-8")
        cls.real = {}
        for line in text.splitlines():
            record = json.loads(line)
            shape(record, "", cls.real)
            for inner in cls.parts(record):
                shape(inner[1], inner[0], cls.real)

    @staticmethod
    def parts(record):
        """Tasks, statuses, agents and frameworks, whatever they are wrapped in."""
        def walk(value, key=""):
            if isinstance(value, dict):
                if "task_id" in value and "name" in value:
                    yield "task", value
                elif "task_id" in value:
                    yield "status", value
                if "agent_info" in value:
                    yield "agent", value
                if "framework_info" in value and key != "framework_removed":
                    yield "framework", value
                for name, item in value.items():
                    yield from walk(item, name)
            elif isinstance(value, list):
                for item in value:
                    yield from walk(item, key)
        return walk(record)

    def check(self, record):
        parts = list(self.parts(record))
        self.assertTrue(parts)
        for kind, part in parts:
            for path, types in shape(part, kind).items():
                names = path.replace("[]", "").split(".")
                if not set(names) & set(self.NOT_IN_THE_SAMPLES):
                    self.assertTrue(path in self.real, f"a real master does not print {path}")
                    self.assertLessEqual(types, self.real[path], path)

    def test_events_have_the_keys_and_types_of_real_ones(self):
        cluster = Cluster()
        events = cluster.add_agent("10.9.1.11", attributes={"rack": "r1"})[0]
        events += cluster.add_framework("marathon")[0]
        for network in ("host", "bridge", "container"):
            spec = {**REDIS, "name": network, "network": network, "health_check": network == "host"}
            if network == "container":
                spec["addresses"] = ["9.0.2.5"]
            new, task = cluster.add_task(spec)
            events += new + cluster.update_task(task, healthy=True)
            events += cluster.kill_task(task, killing=True)
        for event in events:
            self.check(event)

    def test_get_state_has_the_keys_and_types_of_a_real_one(self):
        cluster = Cluster()
        populate(cluster, Scale(tasks=20, agents=3, vips=1))
        self.check(json.loads(cluster.get_state()))

    def test_empty_lists_are_left_out(self):
        self.assertEqual(json.loads(Cluster().get_state()), {
            "get_tasks": {}, "get_executors": {}, "get_frameworks": {}, "get_agents": {}})

    def test_a_real_event_and_ours_have_the_same_envelope(self):
        for path in (".task_added.task.task_id.value", ".task_updated.status.state",
                     ".task_updated.framework_id.value", ".task_updated.state",
                     ".framework_removed.framework_info.name",
                     ".framework_updated.framework.framework_info.name",
                     ".subscribed.heartbeat_interval_seconds"):
            self.assertIn(path, self.real)

    def test_master_info_has_the_address_in_both_forms(self):
        info = messages.master_info("10.0.0.1", 5050, "m1", "id")
        self.assertEqual(info["ip"], 16777226)  # as Mesos writes it
        self.assertEqual(info["address"]["ip"], "10.0.0.1")


class GeneratorTest(unittest.TestCase):
    def test_the_same_seed_makes_the_same_bytes(self):
        states = []
        for seed in (1, 1, 2):
            cluster = Cluster()
            populate(cluster, Scale(tasks=500, agents=40, vips=20, seed=seed))
            states.append(cluster.get_state())
        self.assertEqual(states[0], states[1])
        self.assertNotEqual(states[0], states[2])

    def test_no_two_tasks_share_an_address_and_port(self):
        cluster = Cluster()
        populate(cluster, Scale(tasks=1000, agents=30, vips=50))
        ends, labelled = set(), set()
        for task in cluster.tasks.values():
            port = task.fields["discovery"]["ports"]["ports"][0]
            ends.add((task.addresses[0], port["number"]))
            self.assertEqual(task.fields["state"], "TASK_RUNNING")
            ranges = task.fields["resources"][2]["ranges"]["range"]
            self.assertEqual(ranges[0]["begin"], port["number"])
            labelled |= {label["value"] for label in port.get("labels", {}).get("labels", [])}
        self.assertEqual(len(ends), 1000)
        self.assertEqual(labelled, {f"/app-{n}:80" for n in range(50)})
        self.assertEqual(len(cluster.agents), 30)


if __name__ == "__main__":
    unittest.main()
