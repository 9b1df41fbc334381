"""A DNS reply taken apart, quickly and strictly."""

import struct

A, NS, CNAME, SOA, PTR, TXT, AAAA, SRV, OPT, DS, TSIG, IXFR, AXFR, ANY = (
    1, 2, 5, 6, 12, 16, 28, 33, 41, 43, 250, 251, 252, 255)
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH, BADVERS = 0, 1, 2, 3, 4, 5, 9, 16
AA, TC, RD, RA, Z, AD, CD = 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10
CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
         9: "NOTAUTH", 16: "BADVERS"}
TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 16: "TXT", 28: "AAAA", 33: "SRV",
         250: "TSIG"}
BITS = (("aa", AA), ("tc", TC), ("rd", RD), ("ra", RA), ("z", Z), ("ad", AD), ("cd", CD))


class Broken(Exception):
    """Why a reply cannot be read."""


def read_name(message, offset):
    """(folded name as it is without compression, the offset behind it); RFC 1035 4.1.4."""
    parts, behind, limit = [], 0, len(message)
    while (length := message[offset]) != 0:
        if length >= 0xc0:
            target = (length & 0x3f) << 8 | message[offset + 1]
            if target >= min(offset, limit):
                raise Broken(f"a pointer at {offset} that does not lead back")
            behind, offset, limit = behind or offset + 2, target, offset
        elif length > 63:
            raise Broken(f"a label of type {length >> 6}")
        else:
            parts.append(message[offset:offset + 1 + length])
            offset += 1 + length
    return b"".join(parts).lower() + b"\0", behind or offset + 1


def _read_data(message, kind, at, end):
    prefix = {NS: 0, CNAME: 0, PTR: 0, SRV: 6}.get(kind)
    if prefix is not None:
        name, stop = read_name(message, at + prefix)
        data = message[at:at + prefix] + name
    elif kind == SOA:
        mname, stop = read_name(message, at)
        rname, stop = read_name(message, stop)
        data, stop = mname + rname + message[stop:stop + 20], stop + 20
    else:
        return message[at:end]
    if stop != end:
        raise Broken(f"data of type {kind} that do not end where they should")
    return data


class Reply:
    """Records are (name, type, class, ttl, data), names folded; opt is (size, flags, options)."""

    __slots__ = ("octets", "number", "opcode", "flags", "rcode", "counts", "question", "answer",
                 "authority", "additional", "opt")

    def __init__(self, octets):
        self.octets, self.opt = octets, None
        try:
            self._read(octets)
        except (IndexError, struct.error) as error:
            raise Broken(f"the message ends too early: {error}") from error

    def _read(self, octets):
        self.number, flags, *self.counts = struct.unpack_from("!6H", octets)
        self.opcode, self.flags, self.rcode = flags >> 11 & 15, flags & 0x87f0, flags & 15
        at = 12
        for _ in range(self.counts[0]):
            at = read_name(octets, at)[1] + 4
        self.question = octets[12:at]
        sections = []
        for count in self.counts[1:]:
            records = []
            for _ in range(count):
                name, at = read_name(octets, at)
                kind, class_, ttl, length = struct.unpack_from("!HHIH", octets, at)
                at += 10 + length
                if at > len(octets):
                    raise Broken("data that run over the message")
                if kind == OPT:
                    self._read_opt(name, class_, ttl, octets[at - length:at])
                else:
                    data = _read_data(octets, kind, at - length, at)
                    records.append((name, kind, class_, ttl, data))
            records.sort()
            sections.append(records)
        self.answer, self.authority, self.additional = sections
        if at != len(octets):
            raise Broken(f"{len(octets) - at} octets too many")

    def _read_opt(self, name, size, ttl, data):
        if name != b"\0" or self.opt is not None:
            raise Broken("a second OPT, or one that is not the root's")
        self.rcode |= ttl >> 24 << 4
        options, at = [], 0
        while at < len(data):
            code, length = struct.unpack_from("!HH", data, at)
            options.append((code, data[at + 4:at + 4 + length]))
            at += 4 + length
        if at != len(data):
            raise Broken("options that run over the OPT")
        self.opt = (size, ttl & 0xffffff, options)

    def option(self, code):
        """Its data; None: it is not there."""
        options = self.opt[2] if self.opt else ()
        return next((data for number, data in options if number == code), None)

    def has_records(self):
        return bool(self.answer or self.authority or self.additional)

    def text(self):
        bits = [name for name, bit in BITS if self.flags & bit]
        lines = [f"  {CODES.get(self.rcode, self.rcode)} opcode {self.opcode} {' '.join(bits)} "
                 f"{self.counts} {len(self.octets)} octets, question {self.question!r}"]
        for title in ("answer", "authority", "additional"):
            lines += [f"    {title}: {name!r} {ttl} {class_} {TYPES.get(kind, kind)} {data!r}"
                      for name, kind, class_, ttl, data in getattr(self, title)]
        return "\n".join([*lines, f"    opt: {self.opt}"])
