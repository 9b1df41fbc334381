#!/usr/bin/env python3
"""One scenario through the real binary: scenario_test.py VIPGATED FOLDER [--update].

--update (or UPDATE_SCENARIOS=1) writes expected.txt anew; read the difference before committing it.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile

import packet_text

PORT_MAC = "02:00:00:00:00:{:02x}"  # of port N, from 1, as replay has it


class Mistake(Exception):
    """Of the scenario's author."""


def read_packets(folder):
    """[(time in ns, port, frame)]"""
    packets, time_ns = [], 0
    path = os.path.join(folder, "packets.txt")
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.partition("#")[0].strip()
            if not line:
                continue
            try:
                when, port, text = line.split(None, 2)
                port, _, _ = port.partition(":")
                time_ns = round(float(when) * 10**9)
                source = "real" if port == "cluster" else "client"
                frame = packet_text.frame_from_text(text, source, "02:00:00:00:00:01")
            except (ValueError, IndexError) as error:
                raise Mistake(f"{path}:{number}: {error}") from error
            packets.append((time_ns, port, frame))
    if not packets:
        raise Mistake(f"{path}: there is no packet")
    return packets


def write_pcap(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for time_ns, _, frame in packets:
            file.write(struct.pack("<IIII", *divmod(time_ns, 10**9), len(frame), len(frame)))
            file.write(frame)


def read_pcap(path):
    frames = []
    with open(path, "rb") as file:
        file.read(24)
        while head := file.read(16):
            frames.append(file.read(struct.unpack("<IIII", head)[2]))
    return frames


def replay(binary, folder, packets, directory):
    """(verdicts, frames, counters)"""
    ports = list(dict.fromkeys(port for _, port, _ in packets))
    inputs = []
    # Time stamps order the inputs. A nanosecond is added for each packet, so that those of one time
    # stay in the order of packets.txt.
    numbered = [(time_ns + i, port, frame) for i, (time_ns, port, frame) in enumerate(packets)]
    for port in ports:
        path = os.path.join(directory, port + ".pcap")
        write_pcap(path, [packet for packet in numbered if packet[1] == port])
        inputs += ["--in", f"{port}={path}"]
    out, verdicts, counters = (os.path.join(directory, name)
                               for name in ("out.pcap", "verdicts.jsonl", "counters.json"))
    config = os.path.join(folder, "config.yaml")
    done = subprocess.run([binary, "replay", "--config", config, *inputs, "--out", out,
                           "--verdicts", verdicts, "--counters", counters],
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Mistake(done.stderr.strip())
    with open(verdicts, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    with open(counters, encoding="utf-8") as file:
        return lines, read_pcap(out), json.load(file)


def port_names(config):
    """In the order of the file, which numbers their MAC addresses."""
    names, inside = [], False
    with open(config, encoding="utf-8") as file:
        for line in file:
            if line[0] not in " #\n":
                inside = line.startswith("ports:")
            elif inside and "- {name:" in line.replace("{ name", "{name"):
                names.append(line.partition("name:")[2].split(",")[0].split()[0])
            elif inside and "- name:" in line:
                names.append(line.partition("name:")[2].split()[0])
    return names


def verdict_line(verdict):
    words = [verdict["verdict"]] + [verdict[key] for key in ("reason",) if key in verdict]
    words += [f"{key} {verdict[key]}" for key in ("service", "real") if key in verdict]
    if verdict["worker"] != 0:
        words.append(f"worker {verdict['worker']}")
    return f"{verdict['packet'] + 1}: " + ", ".join(words)


def verdict_lines(verdicts, frames, ports):
    text, listed = [], 0
    for verdict in verdicts:
        if verdict["verdict"] != "made":
            text.append(verdict_line(verdict))
        for out in verdict.get("out", []):
            index, port = out["index"], out["port"]
            order = f"(leaves as number {index + 1}) " if index != listed else ""
            listed += 1
            made = "made: " if verdict["verdict"] == "made" else ""
            mac = PORT_MAC.format(ports.index(port) + 1)
            text.append(f"   {made}{order}{port} " + packet_text.frame_to_text(frames[index], mac))
    return text


def counter_lines(counters):
    """A line each; those of one service or real share one."""
    text, last = [], None
    for name, value in counters.items():
        group, _, leaf = name.rpartition(".")
        if not group.startswith(("service.", "real.")):
            text.append(f"{name} {value}")
        elif group == last:
            text[-1] += f", {leaf} {value}"
        else:
            text.append(f"{group}: {leaf} {value}")
        last = group
    return text


def main(arguments):
    update = "--update" in arguments or os.environ.get("UPDATE_SCENARIOS") == "1"
    names = [argument for argument in arguments if argument != "--update"]
    if len(names) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    binary, folder = names
    try:
        packets = read_packets(folder)
        with tempfile.TemporaryDirectory() as directory:
            verdicts, frames, counters = replay(binary, folder, packets, directory)
        if sum(verdict["verdict"] != "made" for verdict in verdicts) != len(packets):
            raise Mistake(f"{len(packets)} packets have {len(verdicts)} verdicts")
        ports = port_names(os.path.join(folder, "config.yaml"))
        lines = verdict_lines(verdicts, frames, ports) + ["", "counters"] + counter_lines(counters)
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    actual = "\n".join(lines) + "\n"
    path = os.path.join(folder, "expected.txt")
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(actual)
        return 0
    expected = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            expected = file.read()
    if expected == actual:
        return 0
    import difflib  # takes as long as the rest of a test that passes

    print(f"{folder}: what came out (+) is not what is expected (-)")
    sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), actual.splitlines(True),
                                               "expected.txt", "came out", n=2))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
