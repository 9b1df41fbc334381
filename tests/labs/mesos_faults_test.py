#!/usr/bin/python3
"""What can go wrong between the gateway and Mesos, with traffic running all the while: whatever
happens, the load loses nothing, and names and VIPs say in the end what the cluster is.

Usage: mesos_faults_test.py CASE
"""

import os
import struct

from lab import Failure, main, wait_for


def begin(lab, masters=(5050,), mesos="recovery_s: 600", environment=None):
    """Two backends are deployed, the gateway runs, and so does the load."""
    lab.start_master(ports=masters)
    tasks = lab.deploy("b1", "b2")
    config = lab.config(masters=[f"127.0.0.1:{port}" for port in masters], mesos=mesos)
    lab.start_gateway(config, environment)
    lab.wait_right("b1", "b2")
    lab.start_load()
    lab.wait_right("b1", "b2")
    return tasks


def lost_link(lab):
    """Waits until the log says that the cluster is out of reach, and what that means."""
    lab.gateway.wait_log("its last state stays in force")


def end(lab):
    lab.load.wait_more()
    print(lab.load.stop())
    lab.gateway.stop()


def master_failover(lab):
    """The new leader knows no task until the agents re-register: nothing may go meanwhile."""
    tasks = begin(lab, masters=(5050, 5051))
    lab.master.failover()
    lab.master.wait(subscriptions=2)
    # That b3 comes shows that the new leader's state has been taken; b1 and b2 are not in it.
    tasks |= lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    lab.load.wait_more()
    lab.gateway.wait_log(r"[1-9]\d* of them not back yet")
    lab.master.agent_reregister(agent="*")
    lab.master.kill_task(task=tasks["b1"])
    lab.wait_right("b2", "b3")
    end(lab)


def master_failover_without_an_agent(lab):
    """An agent that does not come back in time has lost its tasks, and no other has."""
    begin(lab, masters=(5050, 5051), mesos="recovery_s: 3")
    lab.master.failover()
    lab.master.wait(subscriptions=2)
    lab.master.agent_reregister(agent="10.9.1.12")
    lab.wait_right("b2")
    end(lab)


def leader_unknown_for_a_while(lab):
    """503 from everybody, then refused connections, then a leader: the state stays in force."""
    begin(lab, masters=(5050, 5051))
    lab.master.leader(leader=None)
    lost_link(lab)
    lab.load.wait_more()
    lab.master.stop_master(master=0)
    lab.master.stop_master(master=1)
    lab.load.wait_more()
    lab.master.leader(leader=1)
    lab.master.start_master(master=1)
    lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    end(lab)


def stream_cut(lab):
    """In the middle of an event, and of SUBSCRIBED; what happened meanwhile is not missed."""
    tasks = begin(lab)
    lab.master.cut(in_record=True)
    tasks |= lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    lab.master.faults(cut_after_bytes=1500, cut_times=3)
    lab.master.cut()
    lab.master.kill_task(task=tasks["b1"])
    lab.wait_right("b2", "b3")
    lost_link(lab)
    end(lab)


def garbage(lab):
    """Bytes that are no RecordIO, and records that are no JSON or far too long."""
    tasks = begin(lab)
    rubbish = ["hello, this is not a length\n", "99999999999999\n", "-5\n{}", "0x10\n", "\n\n\n",
               "5\nhello", "12\n{\"type\":\"TAS", "1048576\n" + "[" * 1048576,
               "30\n{\"type\":\"TASK_ADDED\",\"x\":{}}}}"]
    present = {"b1", "b2"}
    for number, text in enumerate(rubbish):
        lab.master.raw(text=text)
        # A task more, a task less, in turn: the link works again, and is believed.
        if "b3" in present:
            lab.master.kill_task(task=tasks["b3"])
            present.remove("b3")
        else:
            tasks |= lab.deploy("b3")
            present.add("b3")
        try:
            lab.wait_right(*sorted(present))
        except Failure as failure:
            raise Failure(f"after rubbish {number} ({text[:40]!r}): {failure}") from failure
    lost_link(lab)
    end(lab)


def slow_stream(lab):
    """SUBSCRIBED and all that follows come in drips."""
    begin(lab)
    lab.master.faults(drip_bytes=64, drip_ms=5)
    lab.master.cut()
    lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    end(lab)


def silent_stream(lab):
    """The connection stays, and nothing comes: missed heartbeats tell."""
    tasks = begin(lab)
    lab.master.faults(silent=True)
    tasks |= lab.deploy("b3")
    lab.master.kill_task(task=tasks["b1"])
    lab.wait_right("b2", "b3", limit_s=60)
    lab.master.faults(silent=False)
    lost_link(lab)
    end(lab)


def wrong_types(lab):
    """Half of the items of a state have a field of the wrong type: they cost themselves only."""
    begin(lab)
    for number in range(40):
        lab.master.add_agent(address=f"10.9.1.{120 + number}", hostname=f"filler-agent-{number}")
        lab.master.add_task(name=f"filler-{number}", agent="10.9.1.12",
                            ports=[{"number": 20000 + number, "vip": f"/filler-{number}:80"}])
    wait_for("the last of the fillers", lambda: lab.dig("filler-39.marathon.mesos"))
    lab.master.faults(wrong_types=True, match="filler")
    lab.master.cut()
    lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    for number in range(0, 40, 2):  # every second one is whole
        if lab.dig(f"filler-{number}.marathon.mesos") != {"10.9.1.12"}:
            raise Failure(f"filler-{number} is whole, and its name is gone")
    lab.gateway.wait_log("left out")
    lab.master.faults(wrong_types=False)
    lab.master.cut()
    wait_for("the fillers to be whole again", lambda: all(
        lab.dig(f"filler-{number}.marathon.mesos") for number in range(1, 40, 2)))
    lab.wait_right("b1", "b2", "b3")
    end(lab)


def subscribe_refused(lab):
    """No event stream is to be had: /state is polled."""
    tasks = begin(lab, mesos="poll_s: 1")
    lab.master.faults(refuse_subscribe=403)
    lab.master.cut()
    tasks |= lab.deploy("b3")
    lab.wait_right("b1", "b2", "b3")
    lab.master.kill_task(task=tasks["b1"])
    lab.wait_right("b2", "b3")
    end(lab)


def clock_steps(lab):
    """Wall time jumps a day ahead and two back, here and at the agents; nothing times out or is
    taken for older than it is."""
    library = os.environ["WALL_CLOCK_SHIFT"]
    shift = lab.directory / "shift"

    def step(seconds):
        with open(shift, "r+b" if shift.exists() else "w+b", buffering=0) as file:
            file.write(struct.pack("=q", seconds))

    step(0)
    tasks = begin(lab, environment={"LD_PRELOAD": library, "WALL_CLOCK_SHIFT_FILE": str(shift)})
    day_s = 86400
    present = {"b1", "b2"}
    for here, there in ((day_s, 0), (-2 * day_s, 0), (0, -day_s), (day_s, -2 * day_s), (0, 0)):
        step(here)
        lab.master.clock(shift_s=there)
        lab.master.cut()  # timers run, and the log tells its time
        lab.load.wait_more()
        if "b3" in present:
            lab.master.kill_task(task=tasks["b3"])
            present.remove("b3")
        else:
            tasks |= lab.deploy("b3")
            present.add("b3")
        lab.wait_right(*sorted(present))
    days = set(line[:10] for line in lab.gateway.log().splitlines() if line[:2] == "20")
    if len(days) < 2:
        raise Failure(f"the daemon saw no clock step: its log has only the days {days}")
    end(lab)


def what_no_event_tells(lab):
    """An agent is deactivated, a task has another address in the same state, an agent without tasks
    is marked gone: the sweep shows it all, and what still runs is served on."""
    tasks = begin(lab, mesos="sweep_s: 10")
    gone = lab.agent("b3")
    moved = lab.master.add_task(name="moved", agent=lab.agent("b2"), network="container",
                                addresses=["10.9.1.50"])["task"]
    stay = {lab.agent("b1"), lab.agent("b2")}
    wait_for("the task and the agents", lambda: lab.dig("moved.marathon.mesos") == {"10.9.1.50"}
             and lab.dig("slave.mesos") == stay | {gone})
    answers = (lab.master.deactivate_agent(agent=lab.agent("b1")),
               lab.master.update_task(task=moved, addresses=["10.9.1.51"]),
               lab.master.agent_gone(agent=gone))
    if any(answer["events"] for answer in answers):
        raise Failure(f"the master has told of it: {answers}")
    wait_for("the sweep", lambda: lab.dig("moved.marathon.mesos") == {"10.9.1.51"}
             and lab.dig("slave.mesos") == stay)
    lab.wait_right("b1", "b2")
    # So a drain goes on: its tasks are killed, of which there are events.
    lab.master.kill_task(task=tasks["b1"])
    lab.wait_right("b2")
    end(lab)


def agent_unreachable_and_back(lab):
    """A partition: its tasks go, without an AGENT_REMOVED, and come back before the agent. Then it
    is removed in order."""
    begin(lab)
    lab.master.agent_unreachable(agent="10.9.1.11")
    lab.wait_right("b2")
    lab.master.agent_return(agent="10.9.1.11")
    lab.wait_right("b1", "b2")
    lab.master.remove_agent(agent="10.9.1.11")
    lab.wait_right("b2")
    wait_for("the agent to go", lambda: lab.dig("slave.mesos") == {"10.9.1.12"})
    end(lab)


def real_gone(lab):
    """A backend dies, and Mesos says so: the connections to it are lost, and no others."""
    tasks = begin(lab)
    lab.load.stop()
    lab.load = None
    lab.tell("lab_kill_redis", "b1")
    lab.master.kill_task(task=tasks["b1"], state="TASK_FAILED")
    lab.wait_right("b2")
    load = lab.start_load()
    load.wait_served_by("b2")
    wait_for("datagrams to go to b1's neighbour alone", lambda: set(load.check()["udp"]) == {"b2"})
    end(lab)


CASES = {case.__name__: case for case in (
    master_failover, master_failover_without_an_agent, leader_unknown_for_a_while, stream_cut,
    garbage, slow_stream, silent_stream, wrong_types, subscribe_refused, clock_steps,
    what_no_event_tells, agent_unreachable_and_back, real_gone)}

if __name__ == "__main__":
    main(CASES, __doc__)
