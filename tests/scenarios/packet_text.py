"""Frames as one line of readable text, and back. The words are explained in README.md.

frame_from_text() makes the frame of a line of packets.txt; frame_to_text() says what a frame is, in
the same words. What the words do not tell of a frame is added as bytes, so two frames that read
alike are alike (but for DNS messages, whose compression the text does not show).
"""

import ipaddress
import struct

import dns_text
from packet_wire import (FLAG_LETTERS, GRE, GUE_PORTS, ICMP, ICMPV6, IPIP, IPV6_IN, SCTP, TCP, UDP,
                         Layer, decode_ip, encode_ip, pattern)

MACS = {"client": "02:00:00:00:00:c1", "real": "02:00:00:00:00:b1",
        "next-hop": "02:00:00:00:00:fe", "broadcast": "ff:ff:ff:ff:ff:ff"}
ICMP_NAMES = {"unreachable": (3, None), "port-unreachable": (3, 3), "frag-needed": (3, 4),
              "ttl-exceeded": (11, 0), "redirect": (5, 1), "echo": (8, 0), "echo-reply": (0, 0)}
ICMPV6_NAMES = {"unreachable": (1, None), "port-unreachable": (1, 4), "too-big": (2, 0),
                "ttl-exceeded": (3, 0), "echo": (128, 0), "echo-reply": (129, 0)}
SOLICITATION, ADVERTISEMENT = 135, 136
CHUNKS = {"data": 0, "init": 1, "init-ack": 2, "sack": 3, "heartbeat": 4, "heartbeat-ack": 5,
          "abort": 6, "shutdown": 7, "shutdown-ack": 8, "error": 9, "cookie-echo": 10,
          "cookie-ack": 11, "shutdown-complete": 14}


def mac_bytes(text):
    return bytes.fromhex(MACS.get(text, text).replace(":", ""))


def mac_name(data):
    text = ":".join(f"{byte:02x}" for byte in data)
    return next((name for name, mac in MACS.items() if mac == text), text)


def endpoint(text):
    """(address, port or None) of ADDRESS, IPV4:PORT or [IPV6]:PORT."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]:")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    else:
        address, port = text, ""
    return ipaddress.ip_address(address), int(port) if port else None


def _endpoint_text(address, port):
    if port is None:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


class Words:
    def __init__(self, text):
        self.words = text.split()

    def next(self):
        if not self.words:
            raise ValueError("the line ends too early")
        return self.words.pop(0)

    def number(self):
        return int(self.next(), 0)

    def is_next(self, word):
        if self.words[:1] != [word]:
            return False
        self.words.pop(0)
        return True


def _read_icmp(layer, words):
    names = ICMPV6_NAMES if layer.v6 else ICMP_NAMES
    layer.protocol = ICMPV6 if layer.v6 else ICMP
    name = words.next()
    if name in ("echo", "echo-reply"):
        layer.icmp = (*names[name], words.number() << 16 | words.number())
    elif name in ("solicit", "advertise"):
        target = ipaddress.ip_address(words.next()).packed
        kind = SOLICITATION if name == "solicit" else ADVERTISEMENT
        flags = words.number() if kind == ADVERTISEMENT else 0
        option = bytes([1 if kind == SOLICITATION else 2, 1]) + mac_bytes(words.next())
        layer.icmp, layer.payload = (kind, 0, flags), target + option
    elif name in names:
        kind, code = names[name]
        layer.icmp = (kind, words.number() if code is None else code, 0)
    else:
        kind, code = map(int, name.split("/"))
        layer.icmp = (kind, code, 0)
    if words.is_next("mtu"):
        layer.icmp = (*layer.icmp[:2], words.number())
    if words.is_next("rest"):
        layer.icmp = (*layer.icmp[:2], words.number())


def _usual_body(kind, number):
    """Of DATA, that many bytes of content; of INIT and INIT ACK, their initiate tag."""
    if kind == CHUNKS["data"]:
        return struct.pack("!IHHI", 1, 0, 0, 0) + pattern(number)
    return struct.pack("!IIHHI", number, 65535, 10, 10, 1)


def _chunk_from_text(text):
    """NAME[=NUMBER][:HEX][/FLAGS]"""
    text, _, flags = text.partition("/")
    text, _, body = text.partition(":")
    name, _, number = text.partition("=")
    kind = CHUNKS[name] if name in CHUNKS else int(name)
    body = _usual_body(kind, int(number, 0)) if number else bytes.fromhex(body)
    return kind, int(flags or "0"), body


def _chunk_text(kind, flags, body):
    text = next((name for name, number in CHUNKS.items() if number == kind), str(kind))
    if kind == CHUNKS["data"] and body == _usual_body(kind, max(len(body) - 12, 0)):
        text += f"={len(body) - 12}"
    elif kind in (1, 2) and body == _usual_body(kind, int.from_bytes(body[:4], "big")):
        text += f"={int.from_bytes(body[:4], 'big')}"
    elif body:
        text += ":" + body.hex()
    return text + (f"/{flags}" if flags else "")


def _sctp_text(layer):
    text = ["sctp " + (",".join(_chunk_text(*chunk) for chunk in layer.chunks) or "-")]
    if layer.tag:
        text.append(f"tag {layer.tag}")
    if not layer.udp_checksum:
        text.append("no-sum")
    return text + _data_text(layer)


def _gue_from_text(words):
    """1: nothing stands there. 0 PROTOCOL: the header; hops A,B,…: with GLB's private data."""
    if words.is_next("1"):
        return b""
    words.next()
    protocol, hops = words.number(), []
    if words.is_next("hops"):
        hops = words.next().split(",")
    private = struct.pack("!HBB", 0, 0, len(hops)) if hops else b""
    private += b"".join(ipaddress.ip_address(hop).packed for hop in hops)
    return struct.pack("!BBH", len(private) // 4, protocol, 0) + private


def _gue_text(header):
    text = f"0 {header[1]}"
    hops = [str(ipaddress.ip_address(header[at:at + 4])) for at in range(8, len(header), 4)]
    return text + (" hops " + ",".join(hops) if hops else "")


def _read_word(layer, word, words):
    if word in ("ttl", "tos", "flow", "seq", "ack", "win", "id", "urgent", "ip-length",
                "udp-length", "cut", "proto", "tag"):
        name = {"seq": "sequence", "ack": "acknowledgment", "win": "window", "id": "ident",
                "ip-length": "ip_length", "udp-length": "udp_length", "proto": "protocol"}
        setattr(layer, name.get(word, word), words.number())
        layer.raw |= word == "proto"
    elif word in ("df", "bad-sum", "bad-ip-sum"):
        setattr(layer, word.replace("-", "_"), True)
    elif word == "no-sum":
        layer.udp_checksum = False
    elif word == "frag":
        text = words.next()
        layer.fragment = (int(text.rstrip("+")), text.endswith("+"))
    elif word == "piece":
        layer.piece = tuple(map(int, words.next().split("-")))
    elif word == "options":
        layer.options = bytes.fromhex(words.next())
    elif word == "ext":
        kind, _, body = words.next().partition(":")
        layer.extensions.append((int(kind), bytes.fromhex(body)))
    elif word == "tcp":
        layer.protocol = TCP
        letters = words.next().replace("-", "")
        layer.flags = sum(1 << FLAG_LETTERS.index(letter) for letter in letters)
        if "A" not in letters:
            layer.acknowledgment = 0
    elif word == "udp":
        layer.protocol = UDP
    elif word == "sctp":
        layer.protocol = SCTP
        text = words.next()
        layer.chunks = [_chunk_from_text(chunk) for chunk in text.split(",") if chunk != "-"]
    elif word == "icmp":
        _read_icmp(layer, words)
    elif word == "mss":
        layer.tcp_options = b"\2\4" + words.number().to_bytes(2, "big")
    elif word == "tcp-options":
        layer.tcp_options = bytes.fromhex(words.next())
    elif word == "data":
        length = words.number()
        layer.payload = pattern(length, words.number() if words.is_next("from") else 0)
    elif word == "hex":
        layer.payload = bytes.fromhex(words.next())
    elif word == "dns":
        layer.payload = dns_text.query(words.words)
        words.words = []
    elif word == "gre":
        layer.protocol = GRE
    elif word == "ipip":
        layer.protocol = None  # by the family of what is within
    elif word == "gue":
        layer.gue = _gue_from_text(words)
    else:
        raise ValueError(f"'{word}' is not known")


def ip_from_text(text):
    head, bar, inner = text.partition(" | ")
    words = Words(head)
    source, source_port = endpoint(words.next())
    if words.next() != ">":
        raise ValueError("a packet begins with SOURCE > DESTINATION")
    destination, port = endpoint(words.next())
    layer = Layer(source, destination)
    layer.ports = (source_port or 0, port or 0)
    while words.words:
        _read_word(layer, words.next(), words)
    if bar:
        layer.inner = ip_from_text(inner)
    if layer.protocol is None:
        layer.protocol = IPV6_IN if layer.inner.v6 else IPIP
    return layer


def _data_text(layer):
    data = layer.payload
    if not data:
        return []
    for start in range(26):
        if data == pattern(len(data), start):
            return [f"data {len(data)}" + (f" from {start}" if start else "")]
    return ["hex " + data.hex()]


def _tcp_text(layer):
    flags = "".join(letter for i, letter in enumerate(FLAG_LETTERS) if layer.flags >> i & 1)
    text = ["tcp " + (flags or "-")]
    if layer.sequence != 1:
        text.append(f"seq {layer.sequence}")
    if layer.acknowledgment != ("A" in flags):
        text.append(f"ack {layer.acknowledgment}")
    if layer.window != 65535:
        text.append(f"win {layer.window}")
    if layer.urgent:
        text.append(f"urgent {layer.urgent}")
    options = layer.tcp_options
    if len(options) == 4 and options[:2] == b"\2\4":
        text.append(f"mss {int.from_bytes(options[2:], 'big')}")
    elif options:
        text.append("tcp-options " + options.hex())
    return text


def _icmp_text(layer):
    kind, code, rest = layer.icmp
    data = layer.payload
    if kind == SOLICITATION and len(data) == 24:
        return [f"icmp solicit {ipaddress.ip_address(data[:16])} {mac_name(data[18:])}"], True
    if kind == ADVERTISEMENT and len(data) == 24:
        return [f"icmp advertise {ipaddress.ip_address(data[:16])} {rest:#x} "
                f"{mac_name(data[18:])}"], True
    names = ICMPV6_NAMES if layer.v6 else ICMP_NAMES
    name = next((name for name, pair in names.items() if pair == (kind, code)), f"{kind}/{code}")
    if "echo" in name:
        return [f"icmp {name} {rest >> 16} {rest & 0xFFFF}"], False
    if rest:
        rest_text = f" mtu {rest}" if name in ("frag-needed", "too-big") else f" rest {rest:#x}"
        return [f"icmp {name}{rest_text}"], False
    return [f"icmp {name}"], False


def _transport_text(layer):
    if layer.fragment and layer.fragment[0]:
        return [f"proto {layer.protocol}"] + _data_text(layer)
    if layer.raw:
        return [f"proto {layer.protocol}"] + _data_text(layer)
    if layer.protocol == TCP:
        return _tcp_text(layer) + _data_text(layer)
    if layer.protocol == SCTP:
        return _sctp_text(layer)
    if layer.protocol == UDP:
        text = ["udp"] + ([] if layer.udp_checksum else ["no-sum"])
        if layer.udp_length is not None:
            text.append(f"udp-length {layer.udp_length}")
        if layer.gue is not None:
            return text + ["gue " + (_gue_text(layer.gue) if layer.gue else "1")]
        if 53 in layer.ports and len(layer.payload) >= 12 and layer.cut is None:
            return text + ["dns " + dns_text.describe(layer.payload)]
        return text + _data_text(layer)
    if layer.protocol in (ICMP, ICMPV6):
        text, is_all = _icmp_text(layer)
        return text if is_all or layer.inner else text + _data_text(layer)
    if layer.protocol in (IPIP, IPV6_IN, GRE):
        return ["gre" if layer.protocol == GRE else "ipip"]
    return [f"proto {layer.protocol}"] + _data_text(layer)


def ip_to_text(layer):
    has_ports = layer.protocol in (TCP, UDP, SCTP) and not layer.later_fragment and not layer.raw
    ports = layer.ports if has_ports else (None, None)
    text = [_endpoint_text(layer.source, ports[0]), ">",
            _endpoint_text(layer.destination, ports[1]), f"ttl {layer.ttl}"]
    for name, value in (("tos", layer.tos), ("flow", layer.flow)):
        if value:
            text.append(f"{name} {value:#x}")
    if layer.ident:
        text.append(f"id {layer.ident}")
    if layer.df:
        text.append("df")
    if layer.fragment is not None:
        text.append(f"frag {layer.fragment[0]}" + ("+" if layer.fragment[1] else ""))
    if layer.piece:
        text.append(f"piece {layer.piece[0]}-{layer.piece[1]}")
    if layer.options:
        text.append("options " + layer.options.hex())
    text += [f"ext {kind}:{body.hex()}" for kind, body in layer.extensions]
    if layer.bad_ip_sum:
        text.append("bad-ip-sum")
    text += _transport_text(layer)
    if layer.cut is not None:
        text.append(f"cut {layer.cut}")
    return " ".join(text) + (" | " + ip_to_text(layer.inner) if layer.inner else "")


def _arp_from_text(words):
    operation, target = words.next(), ipaddress.ip_address(words.next()).packed
    if operation == "who-has":  # TARGET tell SENDER SENDER-MAC
        words.next()
        sender = ipaddress.ip_address(words.next()).packed
        return struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac_bytes(words.next()) + sender + \
            bytes(6) + target
    # reply: SENDER is-at SENDER-MAC to TARGET TARGET-MAC
    words.next()
    mac = mac_bytes(words.next())
    words.next()
    asker = ipaddress.ip_address(words.next()).packed
    asker_mac = mac_bytes(words.next())
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + mac + target + asker_mac + asker


def _arp_to_text(data):
    sender, target = (str(ipaddress.ip_address(data[at:at + 4])) for at in (14, 24))
    if data[7] == 1:
        return f"arp who-has {target} tell {sender} {mac_name(data[8:14])}"
    return f"arp reply {sender} is-at {mac_name(data[8:14])} to {target} {mac_name(data[18:24])}"


def frame_from_text(text, source, destination):
    """`text` is what follows the port: [from MAC] [to MAC] [vlan ID] PACKET [frame-cut N]."""
    text, _, frame_cut = text.partition(" frame-cut ")
    words = Words(text)
    tags = b""
    while words.words[0] in ("from", "to", "vlan"):
        word, value = words.next(), words.next()
        if word == "from":
            source = value
        elif word == "to":
            destination = value
        else:
            tags += struct.pack("!HH", 0x8100, int(value))
    if words.is_next("arp"):
        kind, data = 0x0806, _arp_from_text(words)
    elif words.is_next("ether-type"):
        kind, data = words.number(), bytes.fromhex(words.next())
    elif words.is_next("nothing"):
        return b""
    else:
        layer = ip_from_text(" ".join(words.words))
        kind, data = 0x86DD if layer.v6 else 0x0800, encode_ip(layer)
    frame = mac_bytes(destination) + mac_bytes(source) + tags + struct.pack("!H", kind) + data
    return frame[:int(frame_cut)] if frame_cut else frame


def _packet_to_text(kind, data):
    if kind == 0x0806:
        text = _arp_to_text(data)
        return text, _arp_from_text(Words(text[4:]))
    if kind not in (0x0800, 0x86DD):
        return f"ether-type {kind:#06x} {data.hex()}", data
    layer = decode_ip(data)
    text = ip_to_text(layer)
    if " dns " in text:
        return text, encode_ip(layer)
    return text, encode_ip(ip_from_text(text))


def frame_to_text(frame, source):
    """"to MAC: PACKET"; `source` is the port's own address, which is not said again."""
    text = "to " + mac_name(frame[:6])
    if mac_name(frame[6:12]) != mac_name(mac_bytes(source)):
        text += " from " + mac_name(frame[6:12])
    at = 12
    while frame[at:at + 2] == b"\x81\x00":
        text += f" vlan {int.from_bytes(frame[at + 2:at + 4], 'big')}"
        at += 4
    kind, data = int.from_bytes(frame[at:at + 2], "big"), frame[at + 2:]
    try:
        packet, again = _packet_to_text(kind, data)
    except (ValueError, IndexError, struct.error) as error:
        packet, again = f"unreadable ({error})", b""
    text += ": " + packet
    # What is not as the words say, a checksum among it, is shown as it is.
    return text if again == data else f"{text} BYTES {data.hex()}"
