#!/usr/bin/env python3
"""vipgated's command line as users see it: command_line_test.py VIPGATED SOURCE_DIRECTORY."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

BINARY, SOURCE = sys.argv[1:3]
CONFIG = f"{SOURCE}/config/demo.yaml"
STATS = {"services", "reals", "dns_names", "dns_bytes", "service_bytes", "real_bytes",
         "maglev_tables", "maglev_rows", "maglev_bytes", "maglev_shared", "dns_build_ns",
         "build_ns", "maglev_checksums"}
NAME = "redis.marathon.l4lb.thisdcos.directory"


def run(*arguments, stdout=subprocess.PIPE):
    return subprocess.run([BINARY, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)


class Files(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = lambda name: os.path.join(directory.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)


class CommandLine(Files):
    def good(self, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def refused(self, status, sentence, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn(sentence, done.stderr)

    def test_check_says_that_the_file_is_good(self):
        self.assertEqual(self.good("--config", CONFIG, "--check"), f"{CONFIG}: ok\n")

    def test_check_says_where_the_mistake_is(self):
        file = self.write("bad.yaml", "dns:\n  tll_s: 5\n")
        self.refused(2, f"{file}:2:3: ", "--config", file, "--check")
        self.refused(2, self.path("absent"), "--config", self.path("absent"), "--check")

    def test_check_and_start_say_alike_which_file_of_a_source_cannot_be_used(self):
        file = self.write("config.yaml", """\
ports: [{ name: edge, device: "net_null0", addresses: [10.0.0.1/16] }]
snat_pools: [{ name: default, addresses: [10.0.9.1] }]
mesos:
  - masters: ["10.0.0.9:5050"]
    auth: { type: basic, principal: gw, secret_file: /nowhere/secret }
    tls: { ca_file: /nowhere/ca.pem }
""")
        for line in (f"{file}:5:54: auth.secret_file '/nowhere/secret' cannot be read: ",
                     f"{file}:6:21: tls.ca_file '/nowhere/ca.pem' cannot be read: "):
            self.refused(2, line, "--config", file, "--check")
            self.refused(2, line, "--config", file)

    def test_a_clusters_state_is_part_of_what_is_compiled(self):
        state = f"{SOURCE}/tests/data/mesos-dns-fake.json"
        compiled = ("compile", "--config", CONFIG, "--mesos-state")
        lines = self.good(*compiled, state, "--records").splitlines()
        self.assertIn("nginx.marathon.mesos.\tA\t10.3.0.3", lines)
        self.assertIn(f"{NAME}.\tA\t11.202.66.36", lines)
        self.assertEqual(lines, sorted(set(lines), key=str.encode))
        self.assertEqual(set(json.loads(self.good(*compiled, state, "--snapshot-stats"))), STATS)
        self.refused(1, self.path("absent"), *compiled, self.path("absent"), "--records")
        bad = self.write("bad.json", "{")
        self.refused(1, bad, *compiled, bad, "--records")

    def test_records_are_lines_of_name_type_and_value(self):
        first, rest = NAME.split(".", 1)
        self.assertEqual(self.good("compile", "--config", CONFIG, "--records"),
                         f"_{first}._tcp.{rest}.\tSRV\t{NAME}.:6379\n"
                         f"{NAME}.\tA\t11.202.66.36\n")

    def test_services_are_lines_of_json(self):
        service = json.loads(self.good("compile", "--config", CONFIG, "--services"))
        self.assertEqual(list(service), ["name", "fqdn", "vip", "port", "protocol", "mode",
                                         "origin", "reals"])
        self.assertEqual((service["fqdn"], service["vip"], service["port"], service["origin"]),
                         (NAME, "11.202.66.36", 6379, "yaml"))
        self.assertEqual(service["reals"][0], {"address": "10.9.1.11", "port": 30585, "weight": 1,
                                               "state": "up"})

    def test_nothing_of_the_demo_is_skipped(self):
        self.assertEqual(self.good("compile", "--config", CONFIG, "--skipped"), "")

    def test_stats_are_one_object_of_numbers_and_checksums(self):
        stats = json.loads(self.good("compile", "--config", CONFIG, "--snapshot-stats"))
        self.assertEqual(set(stats), STATS)
        self.assertEqual((stats["services"], stats["reals"], stats["maglev_rows"]), (1, 3, 4093))
        self.assertRegex(stats["maglev_checksums"]["11.202.66.36:6379/tcp"], "^[0-9a-f]{16}$")

    def test_config_stands_before_the_subcommand_or_after_it_and_once(self):
        self.assertEqual(self.good("--config", CONFIG, "compile", "--records"),
                         self.good("compile", "--records", "--config", CONFIG))
        self.refused(2, "--config FILE is required", "compile", "--records")
        self.refused(2, "--config FILE is required")
        self.refused(2, "--config is there twice", "--config", CONFIG, "compile", "--records",
                     "--config", CONFIG)

    def test_explain_says_what_becomes_of_a_packet_and_why(self):
        said = self.good("explain", "--config", CONFIG, "tcp", "192.0.2.1:40000",
                         "11.202.66.36:6379").splitlines()
        words = dict(line.split(None, 1) for line in said)
        self.assertTrue(words["service"].startswith("redis.marathon 11.202.66.36:6379/tcp"), said)
        self.assertEqual(words["verdict"], "forward")
        real = words["real"].split(",")[0]
        self.assertIn(f" > {real}, by ", words["out"])
        said = self.good("explain", "--config", CONFIG, "tcp", "192.0.2.1:40000", "203.0.113.1:1")
        self.assertIn("verdict  drop: not_for_us\nbecause  the destination is no VIP", said)

    def test_explain_says_what_is_wrong_with_its_arguments(self):
        explain = ("explain", "--config", CONFIG)
        self.refused(2, "'icmp' is not known", *explain, "icmp", "192.0.2.1:1", "192.0.2.2:1")
        for bad in ("192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "2001:db8::1:1", "[192.0.2.1]:1",
                    "host:1", ":1", ""):
            self.refused(2, f"'{bad}' is no endpoint", *explain, "tcp", bad, "192.0.2.2:1")
        self.refused(2, "of different families", *explain, "tcp", "192.0.2.1:1", "[2001:db8::1]:1")
        self.refused(2, "there is no port 'x'", *explain, "--port", "x", "udp", "192.0.2.1:1",
                     "192.0.2.2:1")

    def test_mistakes_of_use_exit_with_2(self):
        self.refused(2, "--check and compile exclude each other", "--config", CONFIG, "--check",
                     "compile", "--records")
        self.refused(2, "", "compile", "--config", CONFIG)
        self.refused(2, "", "compile", "--config", CONFIG, "--records", "--services")
        self.refused(2, "", "--config", CONFIG, "--no-such-option")

    def test_output_that_cannot_be_written_exits_with_1(self):
        # The second is larger than a buffer, so that it is not the last flush that fails.
        names = "".join(f"  - {{name: s{i}, vip: 11.0.0.{i}, port: 80, mode: nat}}\n"
                        for i in range(1, 250))
        large = self.write("large.yaml", "dns: {zones: [{name: z.example, services: true}]}\n"
                           "services:\n" + names)
        for arguments in (("--config", CONFIG, "--check"),
                          ("compile", "--config", large, "--records"),
                          ("compile", "--config", CONFIG, "--records")):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = run(*arguments, stdout=full)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn("cannot write to standard output: No space left", done.stderr)

    def test_a_daemon_without_ports_is_refused(self):
        file = self.write("portless.yaml", "dns: {zones: [{name: mesos}]}\n")
        self.refused(2, f"{file}: no port to serve on", "--config", file)


class Daemon(Files):
    """The daemon itself, on a device that receives nothing, with standard error as a pipe."""

    def start(self, config):
        self.daemon = subprocess.Popen([BINARY, "--config", config], stderr=subprocess.PIPE,
                                       text=True)
        self.addCleanup(self.end)

    def end(self):
        self.daemon.kill()
        self.daemon.wait()
        self.daemon.stderr.close()

    def text(self):
        cpu = min(os.sched_getaffinity(0))
        return (f"dpdk: {{huge_pages: off, memory_mb: 128}}\n"
                f"control: {{cpus: [{cpu}]}}\nworkers: {{cpus: [{cpu}]}}\n"
                "limits: {flows_per_worker: 1024, services: 16, reals: 16}\n"
                "ports: [{name: edge, device: net_null0, addresses: [10.0.0.1/16], kernel: false}]\n"
                "dns: {listen: [10.0.0.53], zones: [{name: z.example}]}\n")

    def wait_for(self, words):
        lines = []
        for line in self.daemon.stderr:
            lines.append(line)
            if words in line:
                return "".join(lines)
        self.fail("ended without '" + words + "': " + "".join(lines))

    def test_a_broken_log_pipe_does_not_end_it(self):
        self.start(self.write("null.yaml", self.text()))
        self.wait_for("ready:")
        self.daemon.stderr.close()
        # USR1 has the lower number and is taken first.
        self.daemon.send_signal(signal.SIGUSR1)
        self.daemon.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(60), 0)

    def test_signals_before_it_is_ready_are_kept_until_then(self):
        # Opening this end returns when the daemon opens the other: it has come to its
        # configuration and no further.
        os.mkfifo(self.path("config.yaml"))
        self.start(self.path("config.yaml"))
        with open(self.path("config.yaml"), "w", encoding="utf-8") as pipe:
            os.replace(self.write("file", self.text()), self.path("config.yaml"))
            self.daemon.send_signal(signal.SIGHUP)
            self.daemon.send_signal(signal.SIGUSR1)
            pipe.write(self.text())
        self.wait_for("configuration reloaded")
        self.wait_for("counters: ")
        self.daemon.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(60), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
