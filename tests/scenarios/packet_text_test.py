#!/usr/bin/env python3
"""The readable form of packets: what the scenarios say must be what they mean."""

import unittest

import packet_text
from packet_wire import checksum, crc32c, decode_ip, encode_ip

GATEWAY = "02:00:00:00:00:01"


def frame(text):
    return packet_text.frame_from_text(text, "client", GATEWAY)


class PacketText(unittest.TestCase):
    def test_a_packet_is_the_bytes_that_it_says(self):
        self.assertEqual(
            frame("192.0.2.1:40000 > 11.0.0.1:80 ttl 17 df tcp S seq 100 mss 1460").hex(),
            "020000000001" "0200000000c1" "0800"
            "4500002c" "00004000" "1106" "9cca" "c0000201" "0b000001"
            "9c40" "0050" "00000064" "00000000" "6002" "ffff" "2e30" "0000" "020405b4")

    def test_checksums_are_those_of_rfc_1071(self):
        self.assertEqual(checksum(bytes.fromhex("0001f203f4f5f6f7")), 0x220D)  # its section 3

    def test_the_crc_is_that_of_rfc_3720(self):
        self.assertEqual(crc32c(bytes(range(32))), 0x46DD794E)  # its appendix B.4

    def test_what_is_written_is_read_again(self):
        for text in (
                "192.0.2.1:40000 > 11.0.0.1:80 ttl 64 tcp S",
                "[2001:db8::1]:1 > [fd01:c::1]:2 ttl 9 tos 0x28 flow 0x12345 udp data 30 from 5",
                "192.0.2.1 > 11.0.0.1 ttl 64 id 7 frag 48+ proto 17 data 16",
                "[2001:db8::1]:1 > [fd01:c::1]:2 ttl 64 id 7 piece 0-48 udp data 100",
                "192.0.2.1:1 > 11.0.0.1:2 ttl 64 options 94040000 tcp SA",
                "[2001:db8::1]:1 > [fd01:c::1]:2 ttl 64 ext 0:010400000000 tcp RA seq 0 win 0",
                "10.0.0.1 > 10.0.0.2 ttl 64 df gre | [2001:db8::1]:1 > [fd01:c::1]:2 ttl 3 tcp F",
                "10.0.0.1:5 > 10.0.0.2:19523 ttl 64 udp no-sum gue 0 4 hops 10.0.0.3,10.0.0.4 | "
                "192.0.2.1:1 > 11.0.0.1:2 ttl 64 tcp S",
                "192.0.2.9 > 11.0.0.1 ttl 64 icmp frag-needed mtu 1400 | "
                "11.0.0.1:80 > 192.0.2.1:1 ttl 60 tcp A seq 5 data 1440 cut 28",
                "192.0.2.1:1 > 11.0.0.1:2 ttl 64 sctp init=7",
                "[2001:db8::1]:1 > [fd01:c::1]:2 ttl 64 sctp sack:0000000100000002,data=33/3 tag 9",
                "192.0.2.1:1 > 11.0.0.1:2 ttl 64 sctp abort/1,130:00 tag 4294967295 no-sum",
                "192.0.2.1 > 11.0.0.1 ttl 64 id 7 frag 0+ proto 132 data 16",
                "192.0.2.9 > 11.0.0.1 ttl 64 icmp port-unreachable | "
                "11.0.0.1:80 > 192.0.2.1:1 ttl 60 sctp - tag 5 data 40 cut 28",
                "192.0.2.1 > 11.0.0.1 ttl 64 icmp echo 1 2 data 8"):
            self.assertEqual(packet_text.frame_to_text(frame(f"from {GATEWAY} to client {text}"),
                                                       GATEWAY), "to client: " + text)

    def test_what_the_words_do_not_tell_is_shown_as_bytes(self):
        good = frame("192.0.2.1:1 > 11.0.0.1:2 udp data 10")
        for at in range(14, len(good)):
            bad = bytearray(good)
            bad[at] ^= 1
            text = packet_text.frame_to_text(bytes(bad), "client")
            self.assertNotEqual(text, packet_text.frame_to_text(good, "client"), at)
            self.assertIn("BYTES", text, at)

    def test_padding_after_the_packet_is_shown(self):
        padded = frame("192.0.2.1:1 > 11.0.0.1:2 udp data 1") + b"\0"
        self.assertIn("BYTES", packet_text.frame_to_text(padded, "client"))

    def test_unknown_words_and_cut_lines_are_mistakes(self):
        for text in ("192.0.2.1:1 > 11.0.0.1:2 tpc S", "192.0.2.1:1 11.0.0.1:2 tcp S",
                     "192.0.2.1:1 > 11.0.0.1:2 tcp S ttl", "192.0.2.1:1 > 11.0.0.300:2 tcp S"):
            with self.assertRaises(ValueError, msg=text):
                frame(text)

    def test_a_layer_is_the_same_after_its_bytes(self):
        layer = packet_text.ip_from_text("192.0.2.1:1 > 11.0.0.1:2 id 9 tos 3 tcp PA data 5")
        self.assertEqual(decode_ip(encode_ip(layer)), layer)


if __name__ == "__main__":
    unittest.main()
