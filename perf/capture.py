#!/usr/bin/env python3
"""Writes captures that load a gateway: one TCP frame for each of N flows, as short as can be.

  capture.py forward --flows 16384 FILE       packets from N clients to a VIP
  capture.py forward --size imix --family 6 FILE
  capture.py mix --flows 16384 FILE           70 % packets of N flows, 20 % of flows that come once
                                              only, 10 % DNS queries
  capture.py returns --from SENT.pcap FILE    the reals' answers to what the gateway sent

`returns` takes the output of `vipgated replay` on a forward capture, where each frame shows the
SNAT address and port of its flow; with the same --seed the daemon chooses the same ones.

The same arguments give the same bytes. Exit status: 0 written, 1 not (says why), 2 the options are
wrong. Python 3 alone is needed.
"""

import argparse
import random

import arguments
import dns_load
from frames import (ETHER_TYPES, FIRST_CLIENT, FIRST_VIP, IMIX, SHORTEST, TCP_ACK, TCP_SYN, Writer,
                    address, addresses_of, flows, mac, read_frames, tcp_frame)


def sizes(text):
    """The sizes that follow each other, over and over: of `imix`, or of a number."""
    if text == "imix":
        return IMIX
    if not text.isascii() or not text.isdigit() or not SHORTEST <= int(text) <= 1514:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither imix nor a number of bytes from {SHORTEST} to 1514")
    return (int(text),)


def size(text):
    """The same for who gives it on: as it is written in the names of results."""
    found = sizes(text)
    return text if text == "imix" else str(found[0])


def forward_frames(args, count, first_client, flags):
    ethernet = args.destination_mac + args.source_mac + ETHER_TYPES[args.family]
    for i, (client, port) in enumerate(flows(count, first_client, args.seed)):
        yield tcp_frame(ethernet, client, args.vip + i % args.vips, port, args.vip_port, flags,
                        args.size[i % len(args.size)], args.family)


def write_forward(args):
    writer = Writer(args.file)
    for frame in forward_frames(args, args.flows, args.first_client,
                                TCP_SYN if args.syn else TCP_ACK):
        writer.write(frame)
    writer.close()


def write_mix(args):
    """`packets` frames in a random order."""
    news, queries = args.packets // 5, args.packets // 10
    again = list(forward_frames(args, args.flows, args.first_client, TCP_ACK))
    frames = [again[i % len(again)] for i in range(args.packets - news - queries)]
    frames += forward_frames(args, news, args.first_client + args.flows, TCP_SYN)
    frames += dns_load.frames(args.names, queries, {"a": 70, "srv": 20, "nxdomain": 10})
    random.Random(args.seed).shuffle(frames)
    writer = Writer(args.file)
    for frame in frames:
        writer.write(frame)
    writer.close()


def write_returns(args):
    writer = Writer(args.file)
    for frame in read_frames(args.sent):
        (source, destination, source_port, destination_port), family = addresses_of(frame)
        ethernet = args.destination_mac + args.source_mac + ETHER_TYPES[family]
        writer.write(tcp_frame(ethernet, destination, source, destination_port, source_port,
                               TCP_ACK, len(frame), family))
    writer.close()


def main():
    parser = arguments.Parser("perf/capture.py", __doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    forward = commands.add_parser("forward", help="packets from clients to a VIP")
    forward.add_argument("--syn", action="store_true", help="SYN instead of ACK")
    forward.set_defaults(run=write_forward)
    mix = commands.add_parser("mix", help="what a gateway gets of all")
    mix.add_argument("--packets", type=arguments.flows, default=1 << 20)
    mix.add_argument("--names", type=arguments.names, default=2000,
                     help="of the queries: see dns_load.py")
    mix.set_defaults(run=write_mix)
    for command in (forward, mix):
        command.add_argument("--flows", type=arguments.flows, default=16384)
        command.add_argument("--family", type=int, choices=(4, 6), default=4)
        command.add_argument("--size", type=sizes, default=(SHORTEST,),
                             help="of a frame in bytes, or imix (7:4:1 of 60, 590 and 1,514); with "
                                  "IPv6 none has less than 74")
        command.add_argument("--vip", type=address)
        command.add_argument("--vips", type=arguments.services, default=1,
                             help="addresses from --vip on, that the flows go to in turn")
        command.add_argument("--vip-port", type=arguments.port, default=6379)
        command.add_argument("--first-client", type=address)
        command.add_argument("--seed", type=arguments.whole(0, 1 << 32), default=1,
                             help="of the flows' order")
    returns = commands.add_parser("returns", help="the reals' answers")
    returns.add_argument("--from", dest="sent", required=True, metavar="SENT.pcap",
                         help="what the gateway sent to the reals")
    returns.set_defaults(run=write_returns)
    for command in (forward, mix, returns):
        # The MAC address that DPDK gives to the first net_pcap port of a process.
        command.add_argument("--destination-mac", type=mac, default=mac("02:70:63:61:70:00"))
        command.add_argument("--source-mac", type=mac, default=mac("02:00:00:00:00:c1"))
        command.add_argument("file", metavar="FILE")
    args = parser.parse_args()
    if args.run is not write_returns:
        for name, defaults in (("vip", FIRST_VIP), ("first_client", FIRST_CLIENT)):
            if getattr(args, name) is None:
                setattr(args, name, address(defaults[args.family]))
    args.run(args)


if __name__ == "__main__":
    arguments.run("perf/capture.py", main)
