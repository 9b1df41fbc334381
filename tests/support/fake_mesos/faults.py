"""What can be made to go wrong on the masters' answers; all off at first."""

import dataclasses
import json

from .messages import encode


@dataclasses.dataclass
class Faults:
    delay_ms: float = 0  # before each write to a stream
    drip_bytes: int = 0  # writes of a stream are this small, …
    drip_ms: float = 0  # … and this far apart
    chunk_bytes: int = 0  # HTTP chunks of a stream are this small: edges in the middle of records
    cut_after_bytes: int = 0  # a stream is cut after so many bytes of its body, …
    cut_times: int = 1  # … so many times
    silent: bool = False  # streams stay open, nothing comes: no heartbeat, no event
    refuse_subscribe: int = 0  # HTTP status that SUBSCRIBE is answered with
    answer: int = 0  # HTTP status that everything is answered with
    hang: bool = False  # requests are never answered
    wrong_types: bool = False  # every second task and agent has a field of the wrong type, …
    match: str = ""  # … of those that contain this
    reverse_keys: bool = False  # "type" comes last

    def change(self, values):
        for key, value in values.items():
            if not hasattr(self, key):
                raise ValueError(f"there is no fault '{key}'")
            setattr(self, key, value)

    def filter_items(self):
        """For Cluster.get_state; None: nothing is changed."""
        if not self.wrong_types:
            return None

        def garble_second_ones(kind, items):
            needle = self.match.encode()
            changed, matching = [], 0
            for item in items:
                if needle in item:
                    matching += 1
                    if matching % 2 == 0:
                        item = encode(garble(kind, json.loads(item), matching // 2))
                changed.append(item)
            return changed

        return garble_second_ones

    def record(self, raw):
        """A record as it is sent."""
        return encode(reversed_keys(json.loads(raw))) if self.reverse_keys else raw


TASK_GARBLERS = [
    lambda task: task.update(task_id=17),
    lambda task: task.update(state=["TASK_RUNNING"]),
    lambda task: task.update(name={"value": task["name"]}),
    lambda task: task.update(agent_id=None),
    lambda task: task.update(framework_id=[[]]),
    lambda task: task.update(statuses="none"),
    lambda task: task.update(discovery=3.5),
    lambda task: task["discovery"].update(ports={"ports": {"0": "tcp"}}),
    lambda task: task["discovery"]["ports"]["ports"][0].update(number="eighty"),
    lambda task: task["discovery"]["ports"]["ports"][0].update(labels={"labels": {"VIP_0": 1}}),
    lambda task: task["discovery"]["ports"]["ports"][0].update(protocol=6),
    lambda task: task["statuses"][-1].update(container_status=[1, 2]),
    lambda task: task["statuses"][-1].update(timestamp="yesterday"),
]
AGENT_GARBLERS = [
    lambda agent: agent.update(agent_info="S1"),
    lambda agent: agent["agent_info"].update(id={"value": 5}),
    lambda agent: agent["agent_info"].update(hostname=["a"]),
    lambda agent: agent.update(pid={"slave": 1}),
]


def garble(kind, item, number):
    """The item with one thing of a wrong type; `number` chooses which."""
    garblers = TASK_GARBLERS if kind == "tasks" else AGENT_GARBLERS
    if number % (len(garblers) + 1) == len(garblers):
        return "not an object at all"
    try:
        garblers[number % (len(garblers) + 1)](item)
    except (KeyError, IndexError):  # it does not have that field
        item["task_id" if kind == "tasks" else "agent_info"] = False
    return item


def reversed_keys(value):
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [reversed_keys(item) for item in value]
    return value
