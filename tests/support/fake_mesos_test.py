#!/usr/bin/python3
"""Tests of the fake Mesos masters: HTTP and streams are as real ones', events tell no more than a
real master tells, and each fault does what it says."""

import base64
import http.client
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from fake_mesos.client import FakeMaster, FakeMasterControl  # noqa: E402
from fake_mesos.cluster import CommandError  # noqa: E402

SUBSCRIBE = b'{"type":"SUBSCRIBE"}'
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
TIMEOUT_S = 20
REDIS = {"name": "redis", "agent": "10.9.1.11",
         "ports": [{"number": 30585, "name": "redis", "vip": "/redis:6379"}]}


class Subscriber:
    """Reads a stream record by record; `ended` tells that it was cut."""

    def __init__(self, port, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self.connection.request("POST", "/api/v1", SUBSCRIBE, headers or JSON)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.status

    def raw(self, count):
        data = self.response.read(count)
        if len(data) < count:
            raise EOFError(data)
        return data

    def record(self):
        length = b""
        while (byte := self.raw(1)) != b"\n":
            length += byte
        return json.loads(self.raw(int(length)))

    def skip_to(self, kind):
        while (record := self.record())["type"] != kind:
            pass
        return record

    def close(self):
        self.response.close()
        self.connection.close()


def ask(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response, data


def call(port, kind):
    response, data = ask(port, "POST", "/master/api/v1", json.dumps({"type": kind}), JSON)
    assert response.status == 200, response.status
    answer = json.loads(data)
    assert answer["type"] == kind
    return answer[kind.lower()]


class MasterTestCase(unittest.TestCase):
    OPTIONS = {}

    def setUp(self):
        self.master = FakeMaster(**{"heartbeat_s": 0.05, **self.OPTIONS})
        self.addCleanup(self.master.close)
        self.port = self.master.ports[0]

    def subscribe(self, port=None):
        subscriber = Subscriber(port or self.port)
        self.addCleanup(subscriber.close)
        return subscriber

    def deploy(self):
        self.master.add_agent(address="10.9.1.11")
        self.master.add_framework(name="marathon")
        return self.master.add_task(**REDIS)["task"]


class StreamTest(MasterTestCase):
    def test_first_subscribed_then_heartbeats(self):
        task = self.deploy()
        stream = self.subscribe()
        first = stream.record()
        self.assertEqual(first["type"], "SUBSCRIBED")
        self.assertEqual(first["subscribed"]["heartbeat_interval_seconds"], 0.05)
        tasks = first["subscribed"]["get_state"]["get_tasks"]["tasks"]
        self.assertEqual([t["task_id"]["value"] for t in tasks], [task])
        states = [status["state"] for status in tasks[0]["statuses"]]
        self.assertEqual(states, ["TASK_STARTING", "TASK_RUNNING"])
        for _ in range(3):
            self.assertEqual(stream.record(), {"type": "HEARTBEAT"})

    def test_a_task_is_added_as_staging_and_updated_until_it_runs(self):
        self.master.add_agent(address="10.9.1.11")
        self.master.add_framework(name="marathon")
        stream = self.subscribe()
        self.master.wait(subscriptions=1)
        self.master.add_task(**REDIS)
        added = stream.skip_to("TASK_ADDED")["task_added"]["task"]
        self.assertEqual(added["state"], "TASK_STAGING")
        self.assertNotIn("statuses", added)
        states = [stream.skip_to("TASK_UPDATED")["task_updated"]["state"] for _ in range(2)]
        self.assertEqual(states, ["TASK_STARTING", "TASK_RUNNING"])

    def test_a_repeated_state_is_stored_and_not_told(self):
        task = self.deploy()
        stream = self.subscribe()
        self.master.wait(subscriptions=1)
        self.assertEqual(self.master.update_task(task=task, addresses=["10.9.1.99"])["events"], 0)
        self.assertEqual(self.master.update_task(task=task, healthy=False)["events"], 1)
        self.assertIs(stream.skip_to("TASK_UPDATED")["task_updated"]["status"]["healthy"], False)
        text = json.dumps(call(self.port, "GET_STATE"))
        self.assertIn("10.9.1.99", text)

    def test_an_unreachable_agent_is_told_by_its_tasks_alone(self):
        self.deploy()
        stream = self.subscribe()
        self.master.wait(subscriptions=1)
        self.master.agent_unreachable(agent="10.9.1.11")
        self.master.agent_return(agent="10.9.1.11")
        kinds = []
        while "AGENT_ADDED" not in kinds:
            kinds.append(stream.record()["type"])
        self.assertEqual([k for k in kinds if k not in ("HEARTBEAT", "SUBSCRIBED")],
                         ["TASK_UPDATED", "TASK_ADDED", "AGENT_ADDED"])

    def test_teardown_kills_each_task_first(self):
        self.deploy()
        stream = self.subscribe()
        self.master.wait(subscriptions=1)
        self.master.remove_framework(framework="marathon")
        self.assertEqual(stream.skip_to("TASK_UPDATED")["task_updated"]["state"], "TASK_KILLED")
        self.assertEqual(stream.skip_to("FRAMEWORK_REMOVED")["framework_removed"]["framework_info"][
            "name"], "marathon")

    def test_a_batch_is_one_write_in_either_order(self):
        self.master.add_framework(name="marathon")
        stream = self.subscribe()
        self.master.wait(subscriptions=1)
        self.master.batch(reverse=True, commands=[
            {"op": "add_agent", "address": "10.9.1.11"}, {"op": "add_task", **REDIS,
                                                          "state": "TASK_STAGING"}])
        stream.skip_to("TASK_ADDED")
        stream.skip_to("AGENT_ADDED")


class FailoverTest(MasterTestCase):
    OPTIONS = {"ports": (0, 0)}

    def test_followers_redirect_to_the_leader_without_a_scheme(self):
        leader, follower = self.master.ports
        for method, path in (("POST", "/api/v1"), ("GET", "/master/state"), ("GET", "/state")):
            response, _ = ask(follower, method, path, SUBSCRIBE, JSON)
            self.assertEqual(response.status, 307)
            self.assertEqual(response.headers["Location"], f"//127.0.0.1:{leader}{path}")
        for path in ("/redirect", "/master/redirect"):
            response, _ = ask(follower, "GET", path)
            self.assertEqual((response.status, response.headers["Location"]),
                             (307, f"//127.0.0.1:{leader}"))

    def test_the_new_leader_knows_recovered_agents_and_not_their_tasks(self):
        task = self.deploy()
        stream = self.subscribe()
        self.master.wait(subscriptions=1)
        self.master.failover()
        with self.assertRaises(http.client.IncompleteRead):
            stream.response.read()
        stream = self.subscribe(self.master.ports[1])
        state = stream.record()["subscribed"]["get_state"]
        self.assertEqual(state["get_tasks"], {})
        self.assertNotIn("agents", state["get_agents"])
        self.assertEqual(state["get_agents"]["recovered_agents"][0]["hostname"], "10.9.1.11")
        self.assertTrue(state["get_frameworks"]["frameworks"][0]["recovered"])
        self.master.wait(subscriptions=2)
        self.master.agent_reregister(agent="*")
        stream.skip_to("AGENT_ADDED")
        stream.skip_to("FRAMEWORK_ADDED")
        added = stream.skip_to("TASK_ADDED")["task_added"]["task"]
        self.assertEqual(added["task_id"]["value"], task)

    def test_no_leader_and_a_leader_that_recovers_answer_503(self):
        self.master.leader(leader=None)
        self.assertEqual(ask(self.port, "GET", "/redirect")[0].status, 503)
        self.assertEqual(ask(self.port, "POST", "/api/v1", SUBSCRIBE, JSON)[0].status, 503)
        self.master.leader(leader=0, recovering=True)
        response, text = ask(self.port, "POST", "/api/v1", SUBSCRIBE, JSON)
        self.assertEqual((response.status, text), (503, b"Master has not finished recovery"))

    def test_a_stopped_master_refuses_and_one_that_starts_keeps_its_port(self):
        self.master.stop_master(master=0)
        with self.assertRaises(ConnectionRefusedError):
            ask(self.port, "GET", "/health")
        self.master.start_master(master=0)
        self.assertEqual(ask(self.port, "GET", "/health")[0].status, 200)


class HttpTest(MasterTestCase):
    def test_what_a_real_master_refuses(self):
        for method, headers, status in (
                ("GET", JSON, 405),
                ("POST", {"Content-Type": "text/plain"}, 415),
                ("POST", {"Content-Type": "application/json", "Accept": "text/html"}, 406)):
            response, _ = ask(self.port, method, "/api/v1", SUBSCRIBE, headers)
            self.assertEqual(response.status, status)

    def test_calls_besides_subscribe(self):
        self.deploy()
        self.assertEqual(call(self.port, "GET_HEALTH"), {"healthy": True})
        self.assertEqual(len(call(self.port, "GET_TASKS")["tasks"]), 1)
        self.assertEqual(len(call(self.port, "GET_AGENTS")["agents"]), 1)
        self.assertEqual(call(self.port, "GET_MASTER")["master_info"]["port"], self.port)

    def test_v0_state_has_the_v0_forms(self):
        task = self.deploy()
        state = json.loads(ask(self.port, "GET", "/master/state")[1])
        self.assertEqual(state["leader"], f"master@127.0.0.1:{self.port}")
        framework = state["frameworks"][0]
        self.assertEqual(framework["tasks"][0]["id"], task)
        self.assertEqual(framework["tasks"][0]["resources"]["ports"], "[30585-30585]")
        self.assertEqual(framework["tasks"][0]["slave_id"], state["slaves"][0]["id"])
        self.assertEqual(state["slaves"][0]["pid"], "slave(1)@10.9.1.11:5051")
        self.assertEqual(framework["tasks"][0]["discovery"]["ports"]["ports"][0]["labels"],
                         {"labels": [{"key": "VIP_0", "value": "/redis:6379"}]})


class BasicAuthTest(MasterTestCase):
    OPTIONS = {"auth": "basic"}

    def test_only_the_right_secret_is_let_in(self):
        right = "Basic " + base64.b64encode(b"vipgate:secret").decode()
        for given, status in ((None, 401), ("Basic bm86bm8=", 401), (right, 200)):
            headers = {"Authorization": given} if given else {}
            self.assertEqual(ask(self.port, "GET", "/state", None, headers)[0].status, status)


class IamTest(MasterTestCase):
    OPTIONS = {"auth": "iam"}

    @staticmethod
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    def login(self, uid="vipgate", algorithm="RS256"):
        token = ".".join((self.part(json.dumps({"alg": algorithm}).encode()),
                          self.part(json.dumps({"uid": uid}).encode()), self.part(b"s" * 256)))
        body = json.dumps({"uid": uid, "token": token})
        response, answer = ask(self.port, "POST", "/acs/api/v1/auth/login", body, JSON)
        return response.status, json.loads(answer)

    def test_a_login_gives_a_token_until_it_expires(self):
        self.assertEqual(self.login(uid="nobody")[0], 401)
        self.assertEqual(self.login(algorithm="HS256")[0], 401)
        status, answer = self.login()
        self.assertEqual(status, 200)
        headers = {"Authorization": f"token={answer['token']}"}
        self.assertEqual(ask(self.port, "GET", "/state", None, headers)[0].status, 200)
        self.assertEqual(ask(self.port, "GET", "/state", None, {
            "Authorization": f"Bearer {answer['token']}"})[0].status, 401)
        self.master.expire_tokens()
        self.assertEqual(ask(self.port, "GET", "/state", None, headers)[0].status, 401)


class FaultsTest(MasterTestCase):
    def test_a_cut_in_the_middle_of_a_record(self):
        stream = self.subscribe()
        stream.record()
        self.master.cut(in_record=True)
        with self.assertRaises((EOFError, http.client.IncompleteRead)):
            while True:
                stream.record()

    def test_subscribed_itself_is_cut_as_often_as_told(self):
        self.deploy()
        self.master.faults(cut_after_bytes=300, cut_times=1)
        with self.assertRaises((EOFError, http.client.IncompleteRead)):
            self.subscribe().record()
        self.assertEqual(self.subscribe().record()["type"], "SUBSCRIBED")

    def test_a_drip_loses_nothing(self):
        self.deploy()
        self.master.faults(drip_bytes=100, drip_ms=1)
        self.assertEqual(self.subscribe().record()["type"], "SUBSCRIBED")

    def test_chunks_of_any_size_carry_the_same_records(self):
        self.deploy()
        expected = self.subscribe().record()
        self.master.faults(chunk_bytes=7)
        self.assertEqual(self.subscribe().record(), expected)

    def test_garbage_and_oversized_lengths_are_sent_as_they_are(self):
        stream = self.subscribe()
        stream.record()
        self.master.faults(silent=True)
        self.master.raw(text="99999999999999999999\n")
        seen = b""
        while b"99999999999999999999\n" not in seen:
            seen += stream.raw(1)

    def test_a_silent_stream_stays_open(self):
        self.deploy()
        stream = self.subscribe()
        stream.record()
        self.master.wait(subscriptions=1)
        self.master.faults(silent=True)
        self.master.add_agent(address="10.9.1.12")
        self.master.faults(silent=False)
        self.master.add_agent(address="10.9.1.13")
        added = stream.skip_to("AGENT_ADDED")["agent_added"]["agent"]
        self.assertEqual(added["agent_info"]["hostname"], "10.9.1.13")

    def test_every_second_item_has_a_wrong_type(self):
        self.master.generate(tasks=60, agents=10, vips=6)
        right = call(self.port, "GET_STATE")
        self.master.faults(wrong_types=True)
        wrong = call(self.port, "GET_STATE")
        for path, count in ((("get_tasks", "tasks"), 60), (("get_agents", "agents"), 10)):
            pairs = list(zip(right[path[0]][path[1]], wrong[path[0]][path[1]]))
            self.assertEqual(len(pairs), count)
            self.assertEqual([a == b for a, b in pairs], [True, False] * (count // 2))

    def test_subscribe_alone_is_refused(self):
        self.master.faults(refuse_subscribe=403)
        self.assertEqual(ask(self.port, "POST", "/api/v1", SUBSCRIBE, JSON)[0].status, 403)
        self.assertEqual(ask(self.port, "GET", "/state")[0].status, 200)

    def test_the_type_can_come_last(self):
        self.master.faults(reverse_keys=True)
        self.assertEqual(list(self.subscribe().record()), ["subscribed", "type"])

    def test_a_wrong_command_says_what_is_wrong(self):
        for command in ({"op": "dance"}, {"op": "kill_task", "task": "none"},
                        {"op": "faults", "rain": True}, {"op": "add_agent"}):
            with self.assertRaises(CommandError):
                self.master.call(**command)


class ProcessTest(unittest.TestCase):
    def test_the_program_takes_commands_on_its_socket_and_ends_by_sigterm(self):
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/control"
            with subprocess.Popen([HERE / "fake_mesos_master.py", "--port", "0", "--tasks", "200",
                                   "--agents", "10", "--vips", "5", "--control", path],
                                  stdout=subprocess.PIPE, text=True) as process:
                port = json.loads(process.stdout.readline())["ports"][0]
                control = FakeMasterControl(path)
                self.assertEqual(control.state()["tasks"], 200)
                with self.assertRaises(CommandError):
                    control.kill_task(task="none")
                stream = Subscriber(port)
                state = stream.record()["subscribed"]["get_state"]
                self.assertEqual(len(state["get_tasks"]["tasks"]), 200)
                stream.close()
                control.close()
                process.terminate()
                self.assertEqual(process.wait(TIMEOUT_S), 0)


if __name__ == "__main__":
    socket.setdefaulttimeout(TIMEOUT_S)
    unittest.main()
