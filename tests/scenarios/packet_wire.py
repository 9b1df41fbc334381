"""Packets as bytes: Layer objects to bytes and back. Lengths and checksums come out right unless a
layer says otherwise. Written apart from the C++ builder and from vipgated, so that it judges both.

A Layer holds the fields of one IP packet or ARP message; a tunnel or an ICMP error has another one
within. decode(encode(layer)) is the layer again; what cannot be held in fields is an error.
"""

import ipaddress
import struct

TCP, UDP, ICMP, ICMPV6, IPIP, IPV6_IN, GRE, SCTP = 6, 17, 1, 58, 4, 41, 47, 132
EXTENSIONS = (0, 43, 60)  # hop by hop, routing, destination options
FRAGMENT = 44
FLAG_LETTERS = "FSRPAUEC"
GUE_PORTS = (6080, 19523)
ALPHABET = b"abcdefghijklmnopqrstuvwxyz"


def pattern(length, start=0):
    """The usual content: the alphabet, over and over; `start` bytes of it are left out."""
    return (ALPHABET * ((start + length) // 26 + 1))[start:start + length]


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def crc32c(data):
    """RFC 9260 appendix A, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


class Layer:
    def __init__(self, source, destination, **fields):
        self.source, self.destination = source, destination
        self.ttl = 64
        self.tos = 0
        self.flow = 0
        self.ident = 0
        self.df = False
        self.fragment = None  # (offset in bytes, more to come)
        self.piece = None  # (first, end): a fragment with these bytes of what the packet carries
        self.options = b""  # IPv4
        self.extensions = []  # IPv6: (type, body)
        self.protocol = 59
        self.raw = False  # whatever the protocol is, `payload` alone follows the IP header
        self.ports = None
        self.flags = 0x10
        self.sequence = 1
        self.acknowledgment = 1
        self.window = 65535
        self.urgent = 0
        self.tcp_options = b""
        self.udp_checksum = True  # of SCTP, too
        self.tag = 0
        self.chunks = []  # SCTP: (type, flags, body)
        self.icmp = (0, 0, 0)  # type, code, the four bytes after the checksum
        self.gue = None  # None, or what stands before the inner packet: b"" or the GUE header
        self.inner = None
        self.payload = b""
        self.bad_ip_sum = False
        self.bad_sum = False
        self.ip_length = None
        self.udp_length = None
        self.cut = None  # so many bytes of this packet are there
        self.__dict__.update(fields)

    def __eq__(self, other):
        return self.__dict__ == other.__dict__

    @property
    def v6(self):
        return self.source.version == 6

    @property
    def later_fragment(self):
        return self.fragment is not None and self.fragment[0] > 0


def _sctp(layer):
    packet = struct.pack("!HHII", *layer.ports, layer.tag, 0)
    for kind, flags, body in layer.chunks:
        packet += struct.pack("!BBH", kind, flags, 4 + len(body)) + body + b"\0" * (-len(body) % 4)
    packet += layer.payload
    if not layer.udp_checksum:
        return packet
    value = crc32c(packet) ^ (0x5555 if layer.bad_sum else 0)
    return packet[:8] + struct.pack("<I", value) + packet[12:]


def _transport(layer):
    body = encode_ip(layer.inner) if layer.inner else layer.payload
    if layer.later_fragment or layer.raw or \
            layer.protocol not in (TCP, UDP, ICMP, ICMPV6, GRE, SCTP):
        return body
    if layer.protocol == SCTP:
        return _sctp(layer)
    if layer.protocol == GRE:
        return struct.pack("!HH", 0, 0x86DD if layer.inner and layer.inner.v6 else 0x0800) + body
    if layer.protocol == TCP:
        offset = (20 + len(layer.tcp_options)) // 4 << 4
        head = struct.pack("!HHIIBBHHH", *layer.ports, layer.sequence, layer.acknowledgment,
                           offset, layer.flags, layer.window, 0, layer.urgent)
        head += layer.tcp_options
        at = 16
    elif layer.protocol == UDP:
        body = (layer.gue or b"") + body
        length = layer.udp_length if layer.udp_length is not None else 8 + len(body)
        head = struct.pack("!HHHH", *layer.ports, length, 0)
        at = 6
    else:
        kind, code, rest = layer.icmp
        head = struct.pack("!BBHI", kind, code, 0, rest)
        at = 2
    segment = head + body
    if layer.protocol == UDP and not layer.udp_checksum:
        return segment
    pseudo = b"" if layer.protocol == ICMP else layer.source.packed + layer.destination.packed + \
        struct.pack("!II", len(segment), layer.protocol)
    value = checksum(pseudo + segment)
    if value == 0 and layer.protocol == UDP:
        value = 0xFFFF
    if layer.bad_sum:
        value ^= 0x5555
    return segment[:at] + struct.pack("!H", value) + segment[at + 2:]


def encode_ip(layer):
    segment = _transport(layer)
    fragment = layer.fragment
    if layer.piece:
        first, end = layer.piece
        fragment = first, end < len(segment)
        segment = segment[first:end]
    offset, more = fragment or (0, False)
    if layer.v6:
        headers = list(layer.extensions)
        if fragment is not None:
            headers.append((FRAGMENT, struct.pack("!HI", offset | more, layer.ident)))
        kinds = [kind for kind, _ in headers] + [layer.protocol]
        chain = b"".join(bytes([kinds[i + 1], 0 if kinds[i] == FRAGMENT else len(body) // 8]) + body
                         for i, (_, body) in enumerate(headers))
        length = layer.ip_length if layer.ip_length is not None else len(chain + segment)
        out = struct.pack("!IHBB", 6 << 28 | layer.tos << 20 | layer.flow, length, kinds[0],
                          layer.ttl) + layer.source.packed + layer.destination.packed
        out += chain + segment
    else:
        size = 20 + len(layer.options)
        length = layer.ip_length if layer.ip_length is not None else size + len(segment)
        head = struct.pack("!BBHHHBBH", 0x40 | size // 4, layer.tos, length, layer.ident,
                           (0x4000 if layer.df else 0) | (0x2000 if more else 0) | offset // 8,
                           layer.ttl, layer.protocol, 0)
        head += layer.source.packed + layer.destination.packed + layer.options
        value = checksum(head) ^ (0x5555 if layer.bad_ip_sum else 0)
        out = head[:10] + struct.pack("!H", value) + head[12:] + segment
    return out if layer.cut is None else out[:layer.cut]


def _is_error(layer):
    return layer.icmp[0] < 128 if layer.protocol == ICMPV6 else layer.icmp[0] in (3, 4, 5, 11, 12)


def _decode_body(layer, body, quoted):
    """What stands behind TCP, UDP, ICMP or tunnel headers. Missing bytes of a packet that is quoted
    are taken from the pattern."""
    kind = layer.protocol
    if kind in (IPIP, IPV6_IN, GRE):
        layer.inner = decode_ip(body[4:] if kind == GRE else body)
    elif kind in (ICMP, ICMPV6) and _is_error(layer):
        layer.inner = decode_ip(body, quoted=True)
    elif kind == UDP and layer.ports[1] in GUE_PORTS and body and not quoted:
        size = 0 if body[0] >> 6 == 1 else 4 + (body[0] & 31) * 4
        layer.gue = body[:size]
        layer.inner = decode_ip(body[size:])
    else:
        layer.payload = body


def _decode_sctp(layer, packet, missing):
    *ports, layer.tag, value = struct.unpack("!HHII", packet[:12].ljust(12, b"\0"))
    layer.ports = tuple(ports)
    layer.udp_checksum = missing != 0 or value != 0
    at = 12
    while not missing and at + 4 <= len(packet):
        kind, flags, length = struct.unpack("!BBH", packet[at:at + 4])
        if length < 4 or at + length > len(packet):
            break
        layer.chunks.append((kind, flags, packet[at + 4:at + length]))
        at += (length + 3) // 4 * 4
    layer.payload = packet[at:]
    if missing:
        layer.payload += pattern(len(packet) + missing - max(at, len(packet)), len(layer.payload))


def _decode_transport(layer, segment, missing, quoted):
    kind = layer.protocol
    whole = len(segment) + missing
    if kind == SCTP and not layer.fragment:
        _decode_sctp(layer, segment, missing)
        return
    layer.raw |= kind == SCTP
    sizes = {TCP: 20, UDP: 8, ICMP: 8, ICMPV6: 8}
    if layer.later_fragment or (kind not in sizes and kind not in (IPIP, IPV6_IN, GRE)):
        layer.payload = segment + pattern(missing, len(segment))
        return
    size = sizes.get(kind, 0)
    if kind == TCP:
        head = segment.ljust(20, b"\0") if len(segment) > 12 else \
            segment.ljust(8, b"\0") + struct.pack("!IBBHHH", 1, 0x50, 0x10, 65535, 0, 0)
        size = max(head[12] >> 4, 5) * 4
        *ports, layer.sequence, layer.acknowledgment, _, layer.flags, layer.window, _, \
            layer.urgent = struct.unpack("!HHIIBBHHH", head[:20])
        layer.ports = tuple(ports)
        layer.tcp_options = segment[20:size]
    elif kind == UDP:
        *ports, length, value = struct.unpack("!HHHH", segment[:8].ljust(8, b"\0"))
        layer.ports = tuple(ports)
        layer.udp_checksum = value != 0
        if layer.fragment and length > whole:
            layer.piece, layer.fragment = (0, whole), None
            segment += pattern(length - whole, whole - 8)
        elif length != whole:
            layer.udp_length = length
    elif kind in (ICMP, ICMPV6):
        kind_, code, _, rest = struct.unpack("!BBHI", segment[:8].ljust(8, b"\0"))
        layer.icmp = (kind_, code, rest)
    body = segment[size:]
    if missing:
        body += pattern(max(whole - size - len(body), 0), len(body))
    _decode_body(layer, body, quoted)


def decode_ip(data, quoted=False):
    """Raises ValueError, struct.error or IndexError for what is no packet."""
    if data[0] >> 4 == 4:
        size = (data[0] & 15) * 4
        _, tos, length, ident, fragment, ttl, protocol, _ = struct.unpack("!BBHHHBBH", data[:12])
        layer = Layer(ipaddress.ip_address(data[12:16]), ipaddress.ip_address(data[16:20]), ttl=ttl,
                      tos=tos, ident=ident, df=bool(fragment & 0x4000), options=data[20:size],
                      protocol=protocol)
        layer.bad_ip_sum = checksum(data[:size]) != 0
        if fragment & 0x3FFF:
            layer.fragment = ((fragment & 0x1FFF) * 8, bool(fragment & 0x2000))
        at = size
    else:
        first, length, protocol, ttl = struct.unpack("!IHBB", data[:8])
        layer = Layer(ipaddress.ip_address(data[8:24]), ipaddress.ip_address(data[24:40]), ttl=ttl,
                      tos=first >> 20 & 255, flow=first & 0xFFFFF)
        length += 40
        at = 40
        while protocol in EXTENSIONS + (FRAGMENT,) and not layer.later_fragment:
            size = 8 if protocol == FRAGMENT else (data[at + 1] + 1) * 8
            body = data[at + 2:at + size]
            if protocol == FRAGMENT:
                offset, layer.ident = struct.unpack("!HI", body)
                layer.fragment = (offset & 0xFFF8, bool(offset & 1))
            else:
                layer.extensions.append((protocol, body))
            protocol = data[at]
            at += size
        layer.protocol = protocol
    missing = max(length - len(data), 0)
    if missing:
        layer.cut = len(data)
    _decode_transport(layer, data[at:length], missing, quoted)
    return layer
