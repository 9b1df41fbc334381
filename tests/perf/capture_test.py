#!/usr/bin/env python3
"""What perf/capture.py writes, read by other code: capture_test.py SOURCE_DIRECTORY."""

import collections
import os
import subprocess
import sys
import tempfile
import unittest

CAPTURE = f"{sys.argv[1]}/perf/capture.py"
sys.path.insert(0, f"{sys.argv[1]}/perf")
import frames  # noqa: E402


def sum_of(data):
    """RFC 1071, the plain way."""
    total = sum(int.from_bytes(data[i:i + 2].ljust(2, b"\0"), "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class CaptureTest(unittest.TestCase):
    def written(self, *arguments):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "x.pcap")
            subprocess.run([sys.executable, CAPTURE, *arguments, path], check=True)
            return list(frames.read_frames(path))

    def assert_checksums_hold(self, frame):
        if frame[12:14] == b"\x08\x00":
            self.assertEqual(sum_of(frame[14:34]), 0xFFFF)
            end = 14 + int.from_bytes(frame[16:18], "big")
            addresses, segment, protocol = frame[26:34], frame[34:end], frame[23]
        else:
            end = 54 + int.from_bytes(frame[18:20], "big")
            addresses, segment, protocol = frame[22:54], frame[54:end], frame[20]
        pseudo = addresses + bytes([0, protocol]) + len(segment).to_bytes(2, "big")
        self.assertEqual(sum_of(pseudo + segment), 0xFFFF)
        self.assertEqual(frame[end:].strip(b"\0"), b"")

    def test_each_flow_is_one_packet_with_right_checksums_in_both_families(self):
        for family, length in (("4", 60), ("6", 74)):
            sent = self.written("forward", "--flows", "500", "--vips", "3", "--family", family)
            self.assertEqual({len(frame) for frame in sent}, {length})
            self.assertEqual(len({frames.addresses_of(frame) for frame in sent}), 500)
            for frame in sent:
                self.assert_checksums_hold(frame)

    def test_frames_have_the_sizes_that_were_asked_for(self):
        for family in "46":
            sent = self.written("forward", "--flows", "120", "--size", "imix", "--family", family)
            for frame in sent:
                self.assert_checksums_hold(frame)
            shortest = 60 if family == "4" else 74
            self.assertEqual(collections.Counter(map(len, sent)),
                             {shortest: 70, 590: 40, 1514: 10})

    def test_the_mix_has_seven_two_and_one_parts_and_new_flows_come_once(self):
        sent = self.written("mix", "--packets", "10000", "--flows", "64")
        queries = [frame for frame in sent if frame[23] == 17]
        times = collections.Counter(frames.addresses_of(frame) for frame in sent if frame[23] == 6)
        self.assertEqual(len(queries), 1000)
        self.assertEqual(sum(count for count in times.values() if count == 1), 2000)
        self.assertEqual(sum(count for count in times.values() if count > 1), 7000)
        for frame in sent:
            self.assert_checksums_hold(frame)

    def test_answers_go_back_to_whom_the_packets_came_from(self):
        with tempfile.TemporaryDirectory() as directory:
            sent, answers = os.path.join(directory, "sent"), os.path.join(directory, "answers")
            for family in "46":
                subprocess.run([sys.executable, CAPTURE, "forward", "--flows", "50", "--family",
                                family, sent], check=True)
                subprocess.run([sys.executable, CAPTURE, "returns", "--from", sent, answers],
                               check=True)
                for frame, answer in zip(frames.read_frames(sent), frames.read_frames(answers),
                                         strict=True):
                    (source, destination, *ports), _ = frames.addresses_of(frame)
                    self.assertEqual(frames.addresses_of(answer)[0],
                                     (destination, source, ports[1], ports[0]))
                    self.assert_checksums_hold(answer)

    def test_a_size_that_no_frame_has_is_refused_with_the_bounds(self):
        for size in ("59", "1515", "big"):
            done = subprocess.run([sys.executable, CAPTURE, "forward", "--size", size, "/dev/null"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"'{size}' is neither imix nor a number of bytes from 60 to 1514",
                          done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
