#!/usr/bin/env python3
"""The real vipctl against the real daemon. VIPGATED and VIPCTL name the binaries.

Exit status 77: this machine cannot run them."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

import yaml

from daemon_process import SECONDS
from gateway import CPUS, VIP, VIP6, ZONE
from vipctl_case import VIPCTL, VipctlCase

UNREACHABLE, WRONG = 3, 4

DOCUMENT = """\
services:
  - name: made
    vip: 11.1.1.77
    port: 81
    reals: [{ address: 10.9.1.11, port: 8080 }, { address: 10.9.1.12, port: 8081, weight: 2 }]
"""


class VipctlTest(VipctlCase):
    def test_status_and_tables_show_what_is_served(self):
        self.daemon()
        said = self.vipctl("status", expect=WRONG)  # two of its services have none
        self.assertTrue(said.startswith("! 2 services have no real"), said)
        self.assertRegex(said, r": ready, snapshot \d+, all workers use it\n")
        self.assertRegex(self.vipctl("services"), rf"\nTCP +{VIP}:80 +fullnat +serving +web\n")
        self.assertRegex(self.vipctl("reals"), rf"\n10.9.1.11:8080 .* TCP +{VIP}:80 +web\n")
        self.assertIn("services", json.loads(self.vipctl("services", "-o", "json")))
        self.assertTrue(json.loads(self.vipctl("-o", "json", "status", expect=WRONG))["ready"])

    def test_flows_are_listed_by_what_is_asked_for(self):
        self.daemon().wait_for_packets(1000)
        web = ("flows", "--destination", f"{VIP}:80", "--protocol", "tcp")
        lines = self.vipctl(*web).splitlines()
        self.assertRegex(lines[0], r"^PROTO +SOURCE +DESTINATION +REAL +SNAT +STATE +IDLE$")
        self.assertEqual(len(lines), 21)
        for line in lines[1:]:
            self.assertRegex(line, rf"^tcp +\S+:\d+ +{VIP}:80 +10\.9\.1\.1[12]:808[01] +"
                                   r"10\.9\.1\.10[01]:\d+ +[a-z_]+ +\d+\.\d\d s$")
        real = "10.9.1.11:8080"
        count = sum(real in line for line in lines)
        self.assertGreater(count, 0)
        self.assertEqual(
            json.loads(self.vipctl("-o", "json", *web, "--real", real))["matched"], count)
        self.assertIn("\n5 of 20 flows are shown: ", self.vipctl(*web, "--limit", "5"))
        self.assertIn("limit", self.vipctl("flows", "--limit", "0", expect=1))
        self.assertIn("source", self.vipctl("flows", "--source", "a&real=b", expect=1))

    def test_a_real_is_taken_out_until_it_has_no_flows_and_given_back(self):
        self.daemon().wait_for_packets(1000)
        real, other = "10.9.1.11:8080", "10.9.1.12"
        self.assertRegex(self.vipctl("drain", real), rf"^{real}: draining, [1-9]\d* flows left, ")
        self.assertRegex(self.vipctl("reals"), rf"\n{real} +0 +draining ")
        self.assertRegex(self.vipctl("drains"), rf"\n{real} +draining +[1-9]\d* +\d s +never ")
        refused = self.vipctl("drain", other, expect=1)
        self.assertIn("would have no real left", refused)
        self.assertIn("; add --force if that is meant", refused)
        self.assertIn("draining", self.vipctl("drain", other, "--force"))
        self.vipctl("undrain", other)
        # Its flows are sent over and over, so only the deadline ends them.
        waited = self.vipctl("drain", real, "--deadline", "2s", "--wait")
        self.assertRegex(waited, rf"{real}: over, ")
        self.assertRegex(self.vipctl("reals"), rf"\n{real} +0 +down ")
        self.assertEqual(self.vipctl("undrain", real), f"{real} is given back\n")
        self.assertRegex(self.vipctl("reals"), rf"\n{real} +3 +up ")
        self.assertIn("was not taken out", self.vipctl("undrain", real, expect=1))

    def test_events_are_told_as_they_happen(self):
        daemon = self.daemon()
        with subprocess.Popen([VIPCTL, "--url", f"http://127.0.0.1:{self.api}", "watch"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as events:
            self.addCleanup(events.kill)
            # Whether it listens yet is not told, so the real is taken out until it is.
            lines = queue.Queue()
            reader = threading.Thread(target=lambda: [lines.put(line) for line in events.stdout])
            reader.start()
            said = ""
            while not said:
                self.vipctl("drain", "10.9.1.11:8080")
                self.vipctl("undrain", "10.9.1.11:8080")
                try:
                    said = lines.get(timeout=0.2)
                except queue.Empty:
                    pass
            self.assertRegex(
                said, r"^\d\d:\d\d:\d\d\.\d{3} (real +10\.9\.1\.11:8080 of 11\.1\.1\.1:80:tcp is "
                      r"(draining|up)|snapshot +\d+ is in force: .*)\n$")
            daemon.stop()
            self.assertEqual(events.wait(SECONDS), UNREACHABLE)
            self.assertIn("the gateway has ended the stream", events.stderr.read())
            reader.join()

    def test_workers_ports_sources_and_dns_are_shown(self):
        daemon = self.daemon()
        daemon.wait_for_packets(1000)
        self.assertRegex(self.vipctl("workers"), rf"\n0 +{CPUS[-1]} +[\d.]+% +[\d.]+% +[1-9]\d+ ")
        self.assertRegex(self.vipctl("ports"), r"\none +up +02:70:.* 1500 +[1-9]\d+ .* net_pcap0,")
        self.assertRegex(self.vipctl("sources"), r"\nfile +file +in_force +\d+ .* 8 services ")
        said = self.vipctl("dns", f"WEB.{ZONE}", "aaaa")
        self.assertIn(f";; WEB.{ZONE}. AAAA: NOERROR, flags: aa rd\n", said)
        self.assertRegex(said, rf"\nWEB.{ZONE}\. +5 +AAAA +{VIP6}\n")
        self.assertIn("NXDOMAIN", self.vipctl("dns", f"absent.{ZONE}"))
        self.assertIn("an empty label", self.vipctl("dns", "a..b", expect=1))
        for command in (["workers"], ["ports"], ["sources"], ["dns", ZONE]):
            self.assertIsInstance(json.loads(self.vipctl(*command, "-o", "json")), dict)

    def test_a_file_that_a_reload_refused_is_told_until_a_good_one_is_in_force(self):
        daemon = self.daemon()
        with open(self.path("config.yaml"), encoding="utf-8") as file:
            good = file.read()
        self.write("config.yaml", good + "nonsense: 1\n")
        daemon.send(signal.SIGHUP)
        daemon.wait_for("the configuration in force stays")
        said = self.vipctl("sources")
        self.assertRegex(said, r"\nfile +file +refused ")
        self.assertIn("nonsense", said)
        self.write("config.yaml", good)
        daemon.send(signal.SIGHUP)
        daemon.wait_for("configuration reloaded")
        self.assertNotIn("nonsense", self.vipctl("sources"))

    def test_what_is_applied_is_in_force_and_what_is_exported_applies_without_a_change(self):
        self.daemon()
        file = self.write("made.yaml", DOCUMENT)
        asked = self.vipctl("apply", "-f", file, text="", expect=1)
        self.assertIn("+ 11.1.1.77:81:tcp\n", asked)
        self.assertIn("nothing was changed", asked)
        self.assertNotIn("made", self.vipctl("services"))
        self.assertIn("in force, and stored", self.vipctl("apply", "-f", file, "--yes"))
        self.assertRegex(self.vipctl("services"), r"\nTCP +11.1.1.77:81 +fullnat +serving +made\n")
        exported = self.write("exported.yaml", self.vipctl("export"))
        self.assertEqual(self.vipctl("apply", "-f", exported), "nothing to change\n")
        self.assertEqual(json.loads(self.vipctl("-o", "json", "export"))["services"][0]["name"],
                         "made")
        other = self.write("other.yaml", DOCUMENT.replace("weight: 2", "weight: 3"))
        self.assertIn('~ 11.1.1.77:81:tcp\n'
                      '    - reals: {"address":"10.9.1.12","port":8081,"weight":2}\n'
                      '    + reals: {"address":"10.9.1.12","port":8081,"weight":3}\n',
                      self.vipctl("apply", "-f", other, text="", expect=1))
        self.assertIn("- 11.1.1.77:81:tcp\n",
                      self.vipctl("apply", "--yes", "-f", "-", text="services: []\n"))
        self.assertEqual(self.vipctl("export"), "services: []\n")

    def test_fallback_is_applied_and_exported_and_a_change_of_it_is_shown(self):
        self.daemon()
        spare = DOCUMENT.replace("name: made", "name: spare").replace(".77", ".78")
        leaning = DOCUMENT.replace("port: 81\n", "port: 81\n    no_real: { fallback: spare }\n")
        both = leaning + spare.removeprefix("services:\n")
        self.assertIn("in force, and stored",
                      self.vipctl("apply", "--yes", "-f", "-", text=both))
        self.assertRegex(self.vipctl("export"), r"no_real:\n +fallback: spare\n")
        self.assertEqual(self.vipctl("apply", "-f", "-", text=self.vipctl("export")),
                         "nothing to change\n")
        refused = self.vipctl("apply", "--yes", "-f", "-", text=leaning, expect=1)
        self.assertIn("no_real: there is no service 'spare'", refused)
        self.assertIn("~ 11.1.1.77:81:tcp\n",
                      self.vipctl("apply", "--yes", "-f", "-",
                                  text=both.replace("{ fallback: spare }", "drop")))

    def test_name_that_looks_like_a_number_is_exported_as_a_name(self):
        self.daemon()
        for name in ("123", "true", "1e3", "null", "no", "on", "y"):
            self.vipctl("apply", "--yes", "-f", "-",
                        text=DOCUMENT.replace("name: made", f'name: "{name}"'))
            exported = self.vipctl("export")
            # By the rules of YAML 1.1.
            self.assertEqual(yaml.safe_load(exported)["services"][0]["name"], name)
            self.assertEqual(self.vipctl("apply", "-f", "-", text=exported), "nothing to change\n")

    def test_versions_are_told_of_both_and_of_vipctl_alone_where_nobody_answers(self):
        said = self.vipctl("version")
        self.assertRegex(said, rf"^vipctl \S+\nthe gateway's version is not known: "
                               rf"http://127.0.0.1:{self.api} does not answer")
        self.daemon()
        version = said.split()[1]
        self.assertEqual(self.vipctl("version"), f"vipctl {version}\ngateway {version} at "
                                                 f"http://127.0.0.1:{self.api}\n")
        self.assertEqual(json.loads(self.vipctl("-o", "json", "version")),
                         {"vipctl": version, "gateway": version})

    def test_nothing_is_put_if_what_is_there_cannot_be_read(self):
        methods = []

        class Busy(BaseHTTPRequestHandler):
            def do_GET(self):
                methods.append(self.command)
                self.send_response(503 if self.command == "GET" else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_PUT = do_GET

            def log_message(self, *_):
                pass

        with HTTPServer(("127.0.0.1", self.api), Busy) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.vipctl("apply", "--yes", "-f", "-", text=DOCUMENT, expect=1)
            server.shutdown()
        self.assertEqual(methods, ["GET"])

    def test_a_mistake_is_named_with_its_field_and_changes_nothing(self):
        self.daemon()
        file = self.write("wrong.yaml", DOCUMENT.replace("port: 81", "port: 99999"))
        said = self.vipctl("apply", "-f", file, "--yes", expect=1)
        self.assertIn("wrong.yaml: ", said)
        self.assertIn("port: 99999", said)
        self.assertEqual(self.vipctl("export"), "services: []\n")
        for unreadable in (self.path("none"), self.path(".")):
            self.assertIn("cannot read", self.vipctl("apply", "-f", unreadable, expect=2))

    def test_a_wrong_command_line_is_told_in_words(self):
        for said, arguments in {
                "there is no command or option 'statu'": ("statu",),
                "--output: xml not in {": ("status", "-o", "xml"),
                "--output: 2 not in {": ("status", "-o", "2"),
                "'-5s' is no time; write 600, 10m or 2h": ("drain", "10.0.0.1", "--deadline=-5s"),
        }.items():
            self.assertIn(said, self.vipctl(*arguments, expect=2))

    def test_a_file_that_a_reload_refused_makes_status_say_so(self):
        daemon = self.daemon()
        config = self.path("config.yaml")
        with open(config, encoding="utf-8") as file:
            good = file.read()
        self.write("config.yaml", "one: 1\ntwo: 2\n" + good)
        daemon.send(signal.SIGHUP)
        daemon.wait_for(r"reload of .* failed")
        self.assertIn("! the configuration file has a mistake: what is in force is older\n"
                      "    vipctl sources\n", self.vipctl("status", expect=WRONG))
        said = self.vipctl("sources")
        for line in (1, 2):
            self.assertRegex(said, rf"\nfile: \S+config.yaml:{line}:1: unknown key")
        self.write("config.yaml", good)
        daemon.send(signal.SIGHUP)
        daemon.wait_for(r"configuration reloaded")
        self.assertNotIn("mistake", self.vipctl("status", expect=WRONG))

    def test_states_that_are_asked_for_are_alone_in_each_format(self):
        self.daemon()
        states = json.loads(self.vipctl("-o", "json", "services", "--state", "no_real"))
        self.assertEqual({each["state"] for each in states["services"]}, {"no_real"})
        self.assertEqual(self.vipctl("-o", "yaml", "reals", "--state", "down"),
                         "services:\n  []\n")
        self.assertRegex(self.vipctl("reals", "--state", "up"), r"\n10.9.1.11:8080 .* up ")

    def test_service_without_a_real_makes_status_say_so(self):
        self.daemon()
        file = self.write("made.yaml", DOCUMENT.split("    reals:")[0] + "    reals: []\n")
        self.vipctl("apply", "-f", file, "--yes")
        said = self.vipctl("status", expect=WRONG)
        self.assertTrue(said.startswith("! 3 services have no real"), said)
        self.assertRegex(self.vipctl("services", "--state", "no_real"), r"no_real +made\n")

    def test_token_is_sent_and_a_reader_may_not_apply(self):
        tokens = self.write("tokens", "read reader-token-0123456789 ann\n")
        os.chmod(tokens, 0o600)
        self.extra = f", tokens_file: {tokens}"
        self.daemon()
        for command in ("services", "top", "watch"):
            self.assertIn("--token-file", self.vipctl(command, expect=1))
        token = self.write("token", "reader-token-0123456789\n")
        self.assertIn("web", self.vipctl("--token-file", token, "services"))
        file = self.write("made.yaml", DOCUMENT)
        self.assertIn("made.yaml: ",
                      self.vipctl("--token-file", token, "apply", "-f", file, expect=1))

    def test_a_certificate_that_nobody_vouches_for_is_told_with_the_option(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", self.path("key.pem"), "-out", self.path("cert.pem"), "-subj",
             "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True)
        tls = f'cert_file: {self.path("cert.pem")}, key_file: {self.path("key.pem")}'
        self.scheme, self.extra = "https", f", tls: {{ {tls} }}"
        self.daemon()
        self.assertIn("say by --ca who has issued its certificate",
                      self.vipctl("status", expect=UNREACHABLE))
        self.assertIn("web", self.vipctl("--ca", self.path("cert.pem"), "services"))

    def test_nobody_there_is_told_with_the_address(self):
        for command in ("status", "top", "watch"):
            said = self.vipctl(command, expect=UNREACHABLE)
            self.assertIn(f"http://127.0.0.1:{self.api} does not answer", said)


if __name__ == "__main__":
    if len(CPUS) < 2:
        print("skipped: the daemon's control plane and its worker need a CPU each")
        sys.exit(77)
    unittest.main()
