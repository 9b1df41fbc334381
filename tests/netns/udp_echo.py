#!/usr/bin/python3
"""Answers every datagram with its own name, a space and the datagram, on IPv4 and IPv6."""

import argparse
import socket


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--name", required=True)
    arguments.add_argument("--port", type=int, required=True)
    options = arguments.parse_args()
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", options.port))
    prefix = options.name.encode() + b" "
    while True:
        payload, sender = server.recvfrom(65535)
        server.sendto(prefix + payload, sender)


if __name__ == "__main__":
    main()
