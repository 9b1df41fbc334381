"""DNS messages as one line of text: "7 qr aa rd noerror ? app.mesos A ! app.mesos 5 A 10.9.1.1".
Sections begin with ? (question), ! (answer), ^ (authority) and + (additional).
"""

import ipaddress
import struct

TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 16: "TXT", 28: "AAAA", 33: "SRV",
         41: "OPT", 250: "TSIG", 255: "ANY"}
CLASSES = {1: "IN", 3: "CH", 255: "ANY"}
RCODES = {0: "noerror", 1: "formerr", 2: "servfail", 3: "nxdomain", 4: "notimp", 5: "refused",
          9: "notauth"}
FLAGS = (("qr", 0x8000), ("aa", 0x0400), ("tc", 0x0200), ("rd", 0x0100), ("ra", 0x0080),
         ("ad", 0x0020), ("cd", 0x0010))


def query(words):
    """From "ID NAME TYPE", then any of: no-rd, opcode N, response, class NAME, no-question,
    edns SIZE, edns-version N, option CODE:HEX, additional HEX (a whole record, the last).
    What a resolver answers: FLAG (tc, ra, …), rcode N, answer TTL ADDRESS, soa TTL MINIMUM."""
    number, name, kind, *rest = words
    flags, edns, version, options, klass, questions, more = 0x0100, None, 0, b"", 1, 1, b""
    answers, authorities = [], []
    while rest:
        word = rest.pop(0)
        if word == "no-rd":
            flags &= ~0x0100
        elif word == "response":
            flags |= 0x8000
        elif word == "opcode":
            flags |= int(rest.pop(0)) << 11
        elif word == "edns":
            edns = int(rest.pop(0))
        elif word == "edns-version":
            version = int(rest.pop(0))
        elif word == "class":
            klass = _number_of(CLASSES, rest.pop(0))
        elif word == "no-question":
            questions = 0
        elif word == "option":
            option, _, data = rest.pop(0).partition(":")
            data = bytes.fromhex(data)
            options += struct.pack("!HH", int(option), len(data)) + data
        elif word == "additional":
            more = bytes.fromhex(rest.pop(0))
        elif word in dict(FLAGS):
            flags |= dict(FLAGS)[word]
        elif word == "rcode":
            flags |= int(rest.pop(0))
        elif word == "answer":
            ttl, address = int(rest.pop(0)), ipaddress.ip_address(rest.pop(0))
            answers.append(struct.pack("!HHHIH", 0xC00C, 1 if address.version == 4 else 28, 1, ttl,
                                       len(address.packed)) + address.packed)
        elif word == "soa":
            ttl, minimum = int(rest.pop(0)), int(rest.pop(0))
            authorities.append(struct.pack("!HHHIH", 0xC00C, 6, 1, ttl, 22) + b"\0\0" +
                               struct.pack("!IIIII", 1, 2, 3, 4, minimum))
        else:
            raise ValueError(f"dns: '{word}' is not known")
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    out = struct.pack("!HHHHHH", int(number), flags, questions, len(answers),
                      len(authorities), int(edns is not None) + bool(more))
    if questions:
        out += labels + b"\0" + struct.pack("!HH", _number_of(TYPES, kind), klass)
    out += b"".join(answers + authorities)
    if edns is not None:
        out += b"\0" + struct.pack("!HHIH", 41, edns, version << 16, len(options)) + options
    return out + more


def _number_of(names, wanted):
    return next(number for number, name in names.items() if name == wanted)


def _options(data):
    texts = []
    while data:
        code, length = struct.unpack("!HH", data[:4])
        texts.append(f" option {code}:{data[4:4 + length].hex()}")
        data = data[4 + length:]
    return "".join(texts)


def _name(data, at):
    labels, end = [], None
    while data[at]:
        if data[at] >= 0xC0:
            end = end or at + 2
            at = struct.unpack("!H", data[at:at + 2])[0] & 0x3FFF
        else:
            labels.append(data[at + 1:at + 1 + data[at]].decode("ascii"))
            at += 1 + data[at]
    return ".".join(labels) or ".", end or at + 1


def _record_data(data, kind, at, length):
    if kind in (1, 28):
        return str(ipaddress.ip_address(data[at:at + length]))
    if kind in (2, 5, 12):
        return _name(data, at)[0]
    if kind == 33:
        return " ".join(map(str, struct.unpack("!HHH", data[at:at + 6]))) + " " + \
            _name(data, at + 6)[0]
    if kind == 6:
        first, at = _name(data, at)
        second, at = _name(data, at)
        return f"{first} {second} " + " ".join(map(str, struct.unpack("!IIIII", data[at:at + 20])))
    if kind == 16:
        return repr(data[at + 1:at + length].decode("ascii"))
    return data[at:at + length].hex()


def describe(data):
    number, flags, *counts = struct.unpack("!HHHHHH", data[:12])
    text = [str(number)] + [name for name, bit in FLAGS if flags & bit]
    if flags >> 11 & 15:
        text.append(f"opcode {flags >> 11 & 15}")
    text.append(RCODES.get(flags & 15, f"rcode {flags & 15}"))
    at = 12
    for mark, count in zip("?!^+", counts):
        for _ in range(count):
            name, at = _name(data, at)
            kind, klass = struct.unpack("!HH", data[at:at + 4])
            at += 4
            in_class = "" if klass == 1 else f" class {CLASSES.get(klass, klass)}"
            if mark == "?":
                text.append(f"? {name} {TYPES.get(kind, kind)}{in_class}")
                continue
            ttl, length = struct.unpack("!IH", data[at:at + 6])
            at += 6
            if kind == 41:
                text.append(f"+ edns {klass}" + (f" extended {ttl:#x}" if ttl else "") +
                            _options(data[at:at + length]))
            else:
                text.append(f"{mark} {name} {ttl} {TYPES.get(kind, kind)}{in_class} " +
                            _record_data(data, kind, at, length))
            at += length
    if at != len(data):
        raise ValueError(f"DNS message has {len(data) - at} bytes too many")
    return " ".join(text)
