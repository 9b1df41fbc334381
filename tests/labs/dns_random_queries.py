"""Random questions about the zones of dns_zones.py: most are such as clients ask, some as nobody
should.
"""

import random
import struct

from dns_reply import OPT, TSIG
from dns_zones import all_names, labels_of, zone_files

USUAL_TYPES = (1, 28, 33, 5, 16, 12, 2, 6, 255)
OTHER_TYPES = (0, 3, 10, 13, 15, 29, 35, 36, 39, 43, 46, 47, 48, 52, 59, 64, 65, 99, 249, 251, 252,
               253, 254, 256, 257, 666, 65280, 65535)
CHAOS_NAMES = ("version.bind", "version.server", "id.server", "hostname.bind",
               "nobody.bind", "bind")
OUTSIDE = ("", "test", "example", "arpa", "www.elsewhere.test", "elsewhere.test", "xmesos",
           "xcorp.example", "10.in-addr.arpa", "1.0.8.10.in-addr.arpa", "example.corp", "localhost",
           "a.localhost", "invalid", "b.invalid", "onion", "c.onion", "mesos.corp", "com",
           "www.example.com")
LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789-_"
SIZES = (0, 100, 511, 512, 513, 600, 1232, 1233, 1400, 4096, 65535)
CLIENT_COOKIE = b"judgesrv"
COOKIE = 10


def wire(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def opt(size, flags=0, options=b"", version=0, rcode=0):
    return b"\0" + struct.pack("!HHBBHH", OPT, size, rcode, version, flags, len(options)) + options


class Query:
    """`oddity`: what is wrong with it; "" if nothing. `labels` are those of the question."""

    __slots__ = ("octets", "labels", "type", "class_", "flags", "opcode", "opt", "oddity",
                 "over_tcp")

    def question(self):
        return wire(self.labels) + struct.pack("!HH", self.type, self.class_)

    def text(self):
        return (f"  {'TCP' if self.over_tcp else 'UDP'} {wire(self.labels)!r} type {self.type} "
                f"class {self.class_} flags {self.flags:#06x} opcode {self.opcode} opt {self.opt} "
                f"odd: {self.oddity or 'nothing'}\n    {self.octets.hex()}")


class Queries:
    """`cookies`: server cookies for CLIENT_COOKIE that are good ones.

    Few of the queries are errors: NSD leaves those beyond a hundred a second without a reply."""

    def __init__(self, seed, cookies):
        self.random = random.Random(seed)
        self.cookies = cookies
        self.names = all_names()
        self.apexes = [tuple(labels_of(name)) for name, _ in zone_files(0)]
        self.wild = [name[1:] for name in self.names if name[0] == b"*"]
        self.outside = [tuple(labels_of(name)) if name else () for name in OUTSIDE]
        self.chaos = [tuple(labels_of(name)) for name in CHAOS_NAMES]

    def make(self, number, over_tcp=False):
        draw, query = self.random, Query()
        query.over_tcp, query.oddity = over_tcp, ""
        query.labels, query.type = self._name(), self._type()
        query.class_ = 1
        if draw.random() < 0.02:
            query.class_ = draw.choice((3,) * 5 + (255,) * 3 + (0, 2, 4, 254, 77))
        if query.class_ == 3 and draw.random() < 0.8:
            query.labels = self._case(draw.choice(self.chaos))
            query.type = draw.choice((16, 16, 16, 1, 255))
        query.flags = draw.choice((0, 0x100, 0x100))
        if draw.random() < 0.15:
            query.flags |= draw.getrandbits(16) & 0x07f0
        query.opcode = 0
        if not over_tcp and draw.random() < 0.002:
            query.opcode = draw.randrange(1, 16)
        elif not over_tcp and draw.random() < 0.0005:
            query.flags |= draw.randrange(1, 16)
        query.opt = self._opt() if draw.random() < 0.6 else None
        parts = [query.question()]
        counts = [1, 0, 0, 0]
        if query.opt:
            size, flags, options, version, rcode = query.opt
            data = b"".join(option(*pair) for pair in options)
            parts.append(opt(size, flags, data, version, rcode))
            counts[3] = 1
        if not over_tcp and draw.random() < 0.005:
            self._spoil(query, parts, counts)
        head = struct.pack("!6H", number, query.opcode << 11 | query.flags, *counts)
        query.octets = head + b"".join(parts)
        return query

    def _letters(self):
        return bytes(self.random.choices(LETTERS, k=self.random.randint(1, 12)))

    def _case(self, labels):
        def other(octet):
            is_letter = 97 <= octet | 32 <= 122
            return octet ^ 32 if is_letter and self.random.getrandbits(1) else octet

        return tuple(bytes(map(other, label)) for label in labels)

    def _name(self):
        draw = self.random
        kind = draw.random()
        name = draw.choice(self.names)
        if kind < 0.45:
            labels = name
        elif kind < 0.57:
            labels = (*(self._letters() for _ in range(draw.choice((1, 1, 2, 3)))), *name)
        elif kind < 0.69:
            labels = (*(self._letters() for _ in range(draw.choice((1, 1, 2)))),
                      *draw.choice(self.wild))
        elif kind < 0.79:
            labels = (self._letters(), *name[1:])
        elif kind < 0.85:
            labels = draw.choice(self.apexes)
        elif kind < 0.89:
            labels = draw.choice(self.outside)
        elif kind < 0.91:
            labels = (b"*", *name[draw.randrange(2):])
        elif kind < 0.93:  # a dot within a label, not between two
            labels = (b".".join(name[:2]), *name[2:])
        elif kind < 0.95:
            labels = (*name[:-1], name[-1] + self._letters())
        elif kind < 0.97:
            labels = (draw.randbytes(draw.randint(1, 20)), *name)
        else:  # as long as can be
            labels = draw.choice(self.apexes)
            while (room := 255 - len(wire(labels))) > 1:
                length = min(draw.choice((1, 5, 63)), room - 1)
                labels = (bytes(draw.choices(b"abcxyz", k=length)), *labels)
        if len(wire(labels)) > 255 or any(len(label) > 63 for label in labels):
            labels = name
        return self._case(labels) if draw.random() < 0.3 else tuple(labels)

    def _type(self):
        kind = self.random.random()
        if kind < 0.80:
            return self.random.choice(USUAL_TYPES)
        if kind < 0.97:
            return self.random.choice(OTHER_TYPES)
        return self.random.getrandbits(16)

    def _opt(self):
        draw = self.random
        size = draw.choice(SIZES) if draw.random() < 0.9 else draw.getrandbits(16)
        flags = draw.choice((0, 0, 0x8000, 0x8000, draw.getrandbits(16)))
        version = 0 if draw.random() < 0.97 else draw.choice((1, 2, 255))
        rcode = 0 if draw.random() < 0.98 else draw.getrandbits(8)
        options = []
        while draw.random() < 0.4 and len(options) < 4:
            is_second = any(code == COOKIE for code, _ in options)
            is_cookie = draw.random() < (0.06 if is_second else 0.7)
            options.append(self._cookie() if is_cookie else self._other_option())
        return size, flags, options, version, rcode

    def _cookie(self):
        draw = self.random
        kind = draw.random()
        if kind < 0.4:
            return COOKIE, draw.randbytes(8)
        if kind < 0.7:
            return COOKIE, CLIENT_COOKIE + draw.choice(self.cookies)
        lengths = (16, 24, 24, 32, 40) if kind < 0.99 else (0, 7, 9, 15, 41)
        return COOKIE, draw.randbytes(draw.choice(lengths))

    def _other_option(self):
        draw = self.random
        return draw.choice((
            lambda: (3, b""), lambda: (3, b"whatever"), lambda: (8, b"\0\1\x18\0\x0a\0\0"),
            lambda: (8, b"\0\1\x21\0"), lambda: (9, b""), lambda: (11, b""),
            lambda: (12, bytes(draw.randrange(60))), lambda: (15, b"\0\x14"),
            lambda: (draw.getrandbits(16) | 0x100, draw.randbytes(draw.randrange(20)))))()

    def _spoil(self, query, parts, counts):
        """One thing is wrong that a server can still read a header of."""
        draw = self.random
        record = b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 5, 4, b"\x0a\0\0\1")
        tsig_data = b"\x08hmac-md5\x07sig-alg\x03reg\x03int\0" + bytes(6) + b"\1\x2c\0\0" + bytes(6)
        tsig = b"\x03key\0" + struct.pack("!HHIH", TSIG, 255, 0, len(tsig_data)) + tsig_data

        def append(octets):
            parts.append(octets)
            counts[3] += 1

        def without_opt(octets):
            query.opt, counts[3] = None, 0
            del parts[1:]
            append(octets)

        def cut():
            parts[0] = parts[0][:draw.randrange(len(parts[0]))]
            del parts[1:]

        def no_question():
            parts.pop(0)
            counts[0] = 0
            if draw.random() < 0.5:  # what RFC 7873 5.4 has it for
                cookie = (COOKIE, CLIENT_COOKIE + draw.choice(self.cookies))
                query.opt = (1232, 0, [cookie], 0, 0)
                parts[:] = [opt(1232, 0, option(*cookie))]
                counts[3] = 1

        def name_of(octets):
            parts[0] = octets + parts[0][-4:]

        def count(section, value):
            counts[section] = value

        pointers = (b"\xc0\x0c", b"\xc0\0", b"\1a\xc0\2", b"\xc0\x40")
        oddities = {
            "octets behind": lambda: parts.append(draw.randbytes(draw.randint(1, 50))),
            "no question": no_question,
            "two questions": lambda: (parts.insert(1, query.question()), count(0, 2)),
            "questions promised": lambda: count(0, draw.randint(2, 65535)),
            "answers promised": lambda: count(1, draw.randint(1, 65535)),
            "authority promised": lambda: count(2, draw.randint(1, 65535)),
            "additional promised": lambda: count(3, counts[3] + draw.randint(1, 65000)),
            "question cut": cut,
            "pointer as name": lambda: name_of(draw.choice(pointers)),
            "label of another type": lambda: name_of(draw.choice((b"\x41\0", b"\x80\0"))),
            "name too long": lambda: name_of(wire([b"n" * 50] * 5)[:-1] + wire([b"x"])),
            "record added": lambda: append(record),
            "OPT twice": lambda: (without_opt(opt(1232)), append(opt(512))),
            "OPT of a name": lambda: without_opt(b"\1a" + opt(1232)),
            "option too long": lambda: without_opt(opt(1232, 0, b"\0\x64\0\x05abc")),
            "TSIG of nobody": lambda: without_opt(tsig),
        }
        query.oddity = draw.choice(list(oddities))
        oddities[query.oddity]()
