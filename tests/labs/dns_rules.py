"""What two servers may answer differently, and why: every difference has to be one of these."""

import collections

from dns_random_queries import COOKIE, wire
from dns_reply import (A, AA, AAAA, AD, ANY, AXFR, BADVERS, CD, CNAME, DS, FORMERR, IXFR, NOERROR, NOTAUTH, NOTIMP,
                       NS, NXDOMAIN, RA, RD, REFUSED, Reply, SRV, TC, Z)

FLAGS = (("aa", AA), ("tc", TC), ("rd", RD), ("ra", RA), ("z", Z), ("ad", AD), ("cd", CD))
FIELDS = ("number", "opcode", "rcode", "question", "answer", "authority", "additional")
BODY = frozenset(("rcode", "aa", "tc", "question", "answer", "authority", "additional", "opt", "options"))
NOTHING = frozenset()
IN, CH, ANY_CLASS = 1, 3, 255
NSID, KEEPALIVE, EDE = 3, 11, 15
OWN_ERRORS = (b"\0\x14", b"\0\x12")
MAX_CHAIN = 8

Rule = collections.namedtuple("Rule", "name explains")
RULES = []


def differences(ours, theirs):
    """The names of what differs; another alone where one of the two is none or cannot be read."""
    for reply, whose in ((ours, "ours"), (theirs, "theirs")):
        if not isinstance(reply, Reply):
            return {whose}
    found = {field for field in FIELDS if getattr(ours, field) != getattr(theirs, field)}
    found |= {name for name, bit in FLAGS if (ours.flags ^ theirs.flags) & bit}
    if (ours.opt is None) != (theirs.opt is None):
        found.add("opt")
    elif ours.opt:
        found |= {name for name, one, other in zip(("size", "opt flags"), ours.opt, theirs.opt) if one != other}
        if not are_same_options(ours.opt[2], theirs.opt[2]):
            found.add("options")
    return found


def are_same_options(ours, theirs):
    """Cookies that are made anew have the time in seconds in them (RFC 9018 4), which may just have changed."""
    if ours == theirs:
        return True
    if [code for code, _ in ours] != [code for code, _ in theirs]:
        return False
    return all(one == other or code == COOKIE and are_made_together(one, other)
               for (code, one), (_, other) in zip(ours, theirs))


def are_made_together(one, other):
    times = [int.from_bytes(cookie[12:16]) for cookie in (one, other)]
    return len(one) == len(other) == 24 and one[:12] == other[:12] and 0 < abs(times[0] - times[1]) <= 5


def rule(name):
    """The function tells which differences are of this kind; both replies could be read."""
    def add(function):
        def explains(query, ours, theirs):
            readable = isinstance(ours, Reply) and isinstance(theirs, Reply)
            return frozenset(function(query, ours, theirs) or NOTHING) if readable else NOTHING
        RULES.append(Rule(name, explains))
        return function
    return add


def without(records, taken):
    """What is left, as a list; None: not all of `taken` are there."""
    left = collections.Counter(records)
    left.subtract(collections.Counter(taken))
    return None if min(left.values(), default=0) < 0 else list(left.elements())


def is_header_alone(reply):
    return len(reply.octets) == 12


def owners_are(records, names, kinds):
    return all(name in names and kind in kinds for name, kind, *_ in records)


# --- what vipgate leaves out or puts in

@rule("answers are minimal: no NS records of the zone and their addresses beside an answer")
def _(query, ours, theirs):
    if ours.authority or not theirs.answer or any(kind != NS for _, kind, *_ in theirs.authority):
        return NOTHING
    servers = {data for *_, data in theirs.authority}
    extra = without(theirs.additional, ours.additional)
    is_of_them = extra is not None and owners_are(extra, servers, (A, AAAA))
    return {"authority", "additional"} if is_of_them else {"authority"}


@rule("addresses of targets and servers in other zones of ours are told, too")
def _(query, ours, theirs):
    targets = {data[6:] if kind == SRV else data for _, kind, *_, data in ours.answer if kind in (NS, SRV)}
    servers = {data for *_, data in theirs.authority}
    theirs_of_targets = [record for record in theirs.additional if record[0] in targets or record[0] not in servers]
    extra = without(ours.additional, theirs_of_targets)
    return {"additional"} if extra and owners_are(extra, targets, (A, AAAA)) else NOTHING


@rule("ANY over UDP gets one set of records (RFC 8482 4.1): not the one that NSD chooses")
def _(query, ours, theirs):
    if query.type != ANY or query.over_tcp:
        return NOTHING
    sets = [{record[:2] for record in reply.answer} for reply in (ours, theirs)]
    return {"answer"} if [len(of_one) for of_one in sets] == [1, 1] and sets[0] != sets[1] else NOTHING


@rule("ANY gets no additional records")
def _(query, ours, theirs):
    if query.type != ANY or ours.additional or ours.answer != theirs.answer:
        return NOTHING
    targets = {data[6:] if kind == SRV else data for _, kind, *_, data in theirs.answer if kind in (NS, SRV)}
    return {"additional"} if owners_are(theirs.additional, targets, (A, AAAA)) else NOTHING


@rule("ANY over TCP gets all records (RFC 8482 4.4); NSD gives one set of them")
def _(query, ours, theirs):
    if query.type != ANY or not query.over_tcp or len({record[:2] for record in theirs.answer}) != 1:
        return NOTHING
    return {"answer"} if without(ours.answer, theirs.answer) else NOTHING


@rule("an alias's answer has no additional records")
def _(query, ours, theirs):
    if ours.additional or ours.answer != theirs.answer or CNAME not in {kind for _, kind, *_ in ours.answer}:
        return NOTHING
    targets = {data[6:] if kind == SRV else data for _, kind, *_, data in theirs.answer if kind in (NS, SRV)}
    return {"additional"} if owners_are(theirs.additional, targets, (A, AAAA)) else NOTHING


@rule("DS of a zone in a zone is denied by the zone itself: none is signed; NSD asks the one above")
def _(query, ours, theirs):
    if query.type != DS or len(ours.authority) != 1 or len(theirs.authority) != 1:
        return NOTHING
    own, above = ours.authority[0][0], theirs.authority[0][0]
    return {"authority"} if own == wire(query.labels).lower() and own.endswith(above) else NOTHING


@rule("class ANY is refused")
def _(query, ours, theirs):
    is_refused = query.class_ == ANY_CLASS and ours.rcode == REFUSED and not theirs.flags & AA
    return BODY if is_refused and not ours.has_records() else NOTHING


@rule("a name of class CH has a TXT record alone (RFC 4892 2): ANY is refused")
def _(query, ours, theirs):
    is_refused = query.class_ == CH and query.type == ANY and ours.rcode == REFUSED and theirs.answer
    return {"rcode", "answer", "options"} if is_refused and not ours.has_records() else NOTHING


@rule("who is refused is told 'Not Authoritative' or 'Prohibited' in every class (RFC 8914); NSD says 'Not Supported'")
def _(query, ours, theirs):
    if query.class_ == IN or ours.rcode != REFUSED or ours.option(EDE) not in OWN_ERRORS or theirs.option(EDE) != b"\0\x15":
        return NOTHING
    return {"options"}


@rule("a chain of aliases is followed for eight steps")
def _(query, ours, theirs):
    if [kind for _, kind, *_ in ours.answer] != [CNAME] * MAX_CHAIN:
        return NOTHING
    return {"answer", "authority", "rcode"} if without(theirs.answer, ours.answer) else NOTHING


@rule("names that no server should be asked for are answered here (RFC 6761, RFC 7686)")
def _(query, ours, theirs):
    if query.labels and query.labels[-1].lower() in (b"localhost", b"invalid", b"onion"):
        return BODY if theirs.rcode == REFUSED and ours.rcode in (NOERROR, NXDOMAIN) else NOTHING
    return NOTHING


@rule("transfers are refused; NSD says NOTAUTH of names that are no zone's")
def _(query, ours, theirs):
    if ours.rcode == REFUSED and theirs.rcode == NOTAUTH and query.type in (IXFR, AXFR):
        return {"rcode", "options"}
    return NOTHING


@rule("records of class CH have AA (RFC 1035 4.1.1: they are our own)")
def _(query, ours, theirs):
    is_chaos = query.class_ == CH and ours.rcode == NOERROR and ours.answer == theirs.answer
    return {"aa"} if is_chaos and ours.flags & AA else NOTHING


# --- headers

@rule("the question stands in REFUSED of a class that nobody knows; NSD sends a header")
def _(query, ours, theirs):
    if query.class_ in (IN, CH, ANY_CLASS) or ours.rcode != REFUSED or theirs.rcode != REFUSED:
        return NOTHING
    return {"question", "opt", "options"} if not theirs.question and ours.question == query.question() else NOTHING


@rule("flags of a query of another opcode are not copied (RFC 8906 8.1.4); NSD copies all")
def _(query, ours, theirs):
    if query.opcode and ours.rcode == NOTIMP and is_header_alone(ours) and not ours.flags & 0x7ff:
        return frozenset(name for name, _ in FLAGS)
    return NOTHING


@rule("NOTIFY is not implemented (RFC 1996 3.12); NSD knows it, for secondary zones, and UPDATE")
def _(query, ours, theirs):
    if query.opcode in (4, 5) and ours.rcode == NOTIMP and is_header_alone(ours):
        return {"rcode", "question", "opt"}
    return NOTHING


@rule("flags are not copied into BADVERS and NOTAUTH (RFC 6895 2.1); NSD copies all")
def _(query, ours, theirs):
    if ours.rcode == theirs.rcode and ours.rcode in (BADVERS, NOTAUTH) and not ours.flags & 0x6f0:
        return {name for name, _ in FLAGS}
    return NOTHING


@rule("RD is copied into FORMERR (RFC 1035 4.1.1); NSD does so only sometimes")
def _(query, ours, theirs):
    return {"rd"} if ours.rcode == FORMERR and ours.flags & RD == query.flags & RD else NOTHING


@rule("the RCODE of a query is ignored (RFC 1035 4.1.1: responses have it); NSD says FORMERR")
def _(query, ours, theirs):
    if query.flags & 15 and ours.rcode != FORMERR and theirs.rcode == FORMERR and is_header_alone(theirs):
        return BODY
    return NOTHING


# --- malformed messages

@rule("a question that could be read stands in FORMERR, as does the OPT (RFC 6891 7); NSD sends a header")
def _(query, ours, theirs):
    if ours.rcode != FORMERR or theirs.rcode != FORMERR or not is_header_alone(theirs) or ours.has_records():
        return NOTHING
    return {"question", "opt"} if ours.question in (b"", query.question()) else NOTHING


@rule("the question stands beside the error of a TSIG (RFC 8945 5.2); NSD leaves it out")
def _(query, ours, theirs):
    is_tsig = query.oddity == "TSIG of nobody" and ours.rcode == NOTAUTH and theirs.rcode == NOTAUTH
    return {"question"} if is_tsig and ours.question == query.question() and not theirs.question else NOTHING


@rule("no question without a cookie is FORMERR (RFC 7873 5.4); NSD says NOERROR")
def _(query, ours, theirs):
    return {"rcode"} if query.oddity == "no question" and ours.rcode == FORMERR and theirs.rcode == NOERROR else NOTHING


@rule("a record beside the OPT is ignored (RFC 1035 4.1); NSD says FORMERR")
def _(query, ours, theirs):
    return BODY if query.oddity == "record added" and theirs.rcode == FORMERR and is_header_alone(theirs) else NOTHING


# --- EDNS

@rule("DO is copied into every OPT (RFC 3225 3); NSD leaves it out of BADVERS")
def _(query, ours, theirs):
    if ours.rcode == BADVERS and theirs.opt and ours.opt[1] == query.opt[1] & 0x8000 and theirs.opt[1] == 0:
        return {"opt flags"}
    return NOTHING


@rule("only the first COOKIE counts (RFC 7873 5.2); NSD takes offence at a later one")
def _(query, ours, theirs):
    cookies = [data for code, data in query.opt[2] if code == COOKIE] if query.opt else []
    is_later = any(not (len(data) == 8 or 16 <= len(data) <= 40) for data in cookies[1:])
    return BODY if is_later and theirs.rcode == FORMERR and is_header_alone(theirs) else NOTHING


@rule("options stand in an order of one's own")
def _(query, ours, theirs):
    if not ours.opt or not theirs.opt or len(ours.opt[2]) < 2:
        return NOTHING
    return {"options"} if are_same_options(sorted(ours.opt[2]), sorted(theirs.opt[2])) else NOTHING


@rule("keepalive is answered over TCP (RFC 7828 3.3.2)")
def _(query, ours, theirs):
    asked = query.over_tcp and ours.opt and theirs.opt and any(code == KEEPALIVE for code, _ in query.opt[2])
    if not asked or ours.option(KEEPALIVE) != b"\0\x64" or theirs.option(KEEPALIVE) is not None:
        return NOTHING
    own = [pair for pair in ours.opt[2] if pair[0] != KEEPALIVE]
    return {"options"} if are_same_options(sorted(own), sorted(theirs.opt[2])) else NOTHING


@rule("a good cookie stays in a reply without a question, too (RFC 9018 4.3); NSD makes another")
def _(query, ours, theirs):
    kept = ours.option(COOKIE)
    if query.oddity != "no question" or kept is None or (COOKIE, kept) not in query.opt[2]:
        return NOTHING
    return {"options"} if (theirs.option(COOKIE) or b"")[:8] == kept[:8] else NOTHING


def explains_broken(query, ours, theirs):
    codes = [code for code, _ in query.opt[2]] if query.opt else []
    is_twice = codes.count(COOKIE) > 1 or codes.count(NSID) > 1
    if not is_twice or not isinstance(ours, Reply) or not isinstance(theirs, str):
        return NOTHING
    cookie = next((data for code, data in query.opt[2] if code == COOKIE), None)
    return frozenset(("theirs",)) if cookie is None or ours.option(COOKIE)[:8] == cookie[:8] else NOTHING


RULES.append(Rule("the first of two COOKIEs or NSIDs counts (RFC 7873 5.2); NSD's OPT runs over its message",
                  explains_broken))
