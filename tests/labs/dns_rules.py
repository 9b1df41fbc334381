"""What two servers may answer differently, and why: every difference has to be one of these."""

import collections

from dns_differences import are_same_options
from dns_random_queries import COOKIE, wire
from dns_reply import (A, AA, AAAA, ANY, AXFR, BADVERS, CNAME, DS, FORMERR, IXFR, NOERROR, NOTAUTH,
                       BITS, NOTIMP, NS, NXDOMAIN, RD, REFUSED, SRV, Reply)

ALL_FLAGS = frozenset(name for name, _ in BITS)
BODY = frozenset(("rcode", "aa", "tc", "question", "answer", "authority", "additional", "opt",
                  "options"))
NOTHING = frozenset()
IN, CH, ANY_CLASS = 1, 3, 255
NOTIFY, UPDATE = 4, 5  # opcodes
NSID, KEEPALIVE, EDE = 3, 11, 15
NOT_AUTHORITATIVE, PROHIBITED, NOT_SUPPORTED = b"\0\x14", b"\0\x12", b"\0\x15"
MAX_CHAIN = 8

Rule = collections.namedtuple("Rule", "name explains")
RULES = []


def rule(name, *fields):
    """The function tells whether the differences in these fields are of this kind; it may name
    others in their place. Both replies could be read."""
    def add(function):
        def explains(query, ours, theirs):
            if not isinstance(ours, Reply) or not isinstance(theirs, Reply):
                return NOTHING
            found = function(query, ours, theirs)
            if isinstance(found, (set, frozenset)):
                return frozenset(found)
            return frozenset(fields) if found else NOTHING
        RULES.append(Rule(name, explains))
        return function
    return add


def without(records, taken):
    """What is left, as a list; None: not all of `taken` are there."""
    left = collections.Counter(records)
    left.subtract(collections.Counter(taken))
    return None if min(left.values(), default=0) < 0 else list(left.elements())


def targets_of(records):
    """The names that NS and SRV records lead to."""
    return {data[6:] if kind == SRV else data for _, kind, *_, data in records if kind in (NS, SRV)}


def are_addresses_of(records, names):
    return all(name in names and kind in (A, AAAA) for name, kind, *_ in records)


def sets_of(records):
    return {record[:2] for record in records}


def is_header_alone(reply):
    return len(reply.octets) == 12


def has_question_of(reply, query):
    return reply.question == query.question()


# --- what vipgate leaves out or puts in

@rule("answers are minimal: no NS records of the zone and their addresses beside an answer")
def _(_query, ours, theirs):
    servers = targets_of(theirs.authority)
    if ours.authority or not theirs.answer or any(kind != NS for _, kind, *_ in theirs.authority):
        return NOTHING
    extra = without(theirs.additional, ours.additional)
    is_theirs = extra is not None and are_addresses_of(extra, servers)
    return {"authority", "additional"} if is_theirs else {"authority"}


@rule("addresses of targets and servers in other zones of ours are told, too", "additional")
def _(_query, ours, theirs):
    targets, servers = targets_of(ours.answer), targets_of(theirs.authority)
    asked_for = [record for record in theirs.additional
                 if record[0] in targets or record[0] not in servers]
    extra = without(ours.additional, asked_for)
    return extra and are_addresses_of(extra, targets)


@rule("ANY over UDP gets one set of records (RFC 8482 4.1): not the one that NSD chooses", "answer")
def _(query, ours, theirs):
    own, other = sets_of(ours.answer), sets_of(theirs.answer)
    return (query.type == ANY and not query.over_tcp and len(own) == len(other) == 1
            and own != other)


@rule("ANY over TCP gets all records (RFC 8482 4.4); NSD gives one set of them", "answer")
def _(query, ours, theirs):
    return (query.type == ANY and query.over_tcp and len(sets_of(theirs.answer)) == 1
            and without(ours.answer, theirs.answer))


@rule("ANY gets no additional records", "additional")
def _(query, ours, theirs):
    return (query.type == ANY and not ours.additional and ours.answer == theirs.answer
            and are_addresses_of(theirs.additional, targets_of(theirs.answer)))


@rule("a chain of aliases is followed for eight steps", "answer", "authority", "rcode")
def _(_query, ours, theirs):
    return ([kind for _, kind, *_ in ours.answer] == [CNAME] * MAX_CHAIN
            and without(theirs.answer, ours.answer))


@rule("DS of a zone in a zone is denied by the zone itself: none is signed; NSD asks the one above",
      "authority")
def _(query, ours, theirs):
    if query.type != DS or len(ours.authority) != 1 or len(theirs.authority) != 1:
        return NOTHING
    own, above = ours.authority[0][0], theirs.authority[0][0]
    return own == wire(query.labels).lower() and own.endswith(above)


# --- what is refused

@rule("class ANY is refused", *BODY)
def _(query, ours, theirs):
    return (query.class_ == ANY_CLASS and ours.rcode == REFUSED and not ours.has_records()
            and not theirs.flags & AA)


@rule("a name of class CH has a TXT record alone (RFC 4892 2): ANY is refused",
      "rcode", "answer", "options")
def _(query, ours, theirs):
    return (query.class_ == CH and query.type == ANY and ours.rcode == REFUSED
            and not ours.has_records() and theirs.answer)


@rule("records of class CH have AA (RFC 1035 4.1.1: they are our own)", "aa")
def _(query, ours, theirs):
    return (query.class_ == CH and ours.rcode == NOERROR and ours.answer == theirs.answer
            and ours.flags & AA)


@rule("'Not Authoritative' or 'Prohibited' goes with REFUSED in every class (RFC 8914); NSD says "
      "'Not Supported' of others than IN", "options")
def _(query, ours, theirs):
    return (query.class_ != IN and ours.rcode == REFUSED and theirs.option(EDE) == NOT_SUPPORTED
            and ours.option(EDE) in (NOT_AUTHORITATIVE, PROHIBITED))


@rule("the question stands in REFUSED of a class that nobody knows; NSD sends a header",
      "question", "opt", "options")
def _(query, ours, theirs):
    return (query.class_ not in (IN, CH, ANY_CLASS) and ours.rcode == theirs.rcode == REFUSED
            and not theirs.question and has_question_of(ours, query))


@rule("names that no server should be asked for are answered here (RFC 6761, RFC 7686)", *BODY)
def _(query, ours, theirs):
    return (query.labels and query.labels[-1].lower() in (b"localhost", b"invalid", b"onion")
            and theirs.rcode == REFUSED and ours.rcode in (NOERROR, NXDOMAIN))


@rule("transfers are refused; NSD says NOTAUTH of names that are no zone's", "rcode", "options")
def _(query, ours, theirs):
    return query.type in (IXFR, AXFR) and ours.rcode == REFUSED and theirs.rcode == NOTAUTH


# --- headers

@rule("flags of a query of another opcode are not copied (RFC 8906 8.1.4); NSD copies all",
      *ALL_FLAGS)
def _(query, ours, _theirs):
    return query.opcode and ours.rcode == NOTIMP and not ours.flags & 0x7f0


@rule("NOTIFY and UPDATE are not implemented (RFC 1996 3.12, RFC 2136 3); NSD knows them",
      "rcode", "question", "opt")
def _(query, ours, _theirs):
    return query.opcode in (NOTIFY, UPDATE) and ours.rcode == NOTIMP and is_header_alone(ours)


@rule("flags are not copied into BADVERS and NOTAUTH (RFC 6895 2.1); NSD copies all", *ALL_FLAGS)
def _(query, ours, theirs):
    return (ours.rcode == theirs.rcode and ours.rcode in (BADVERS, NOTAUTH)
            and ours.flags & 0x7f0 == query.flags & RD)


@rule("RD is copied into FORMERR (RFC 1035 4.1.1); NSD does so only sometimes", "rd")
def _(query, ours, _theirs):
    return ours.rcode == FORMERR and ours.flags & RD == query.flags & RD


@rule("the RCODE of a query is ignored (RFC 1035 4.1.1: responses have it); NSD says FORMERR",
      *BODY)
def _(query, ours, theirs):
    return (query.flags & 15 and ours.rcode != FORMERR and theirs.rcode == FORMERR
            and is_header_alone(theirs))


# --- malformed messages

@rule("a question that could be read stands in FORMERR, as does the OPT (RFC 6891 7); NSD sends a "
      "header", "question", "opt")
def _(query, ours, theirs):
    return (ours.rcode == theirs.rcode == FORMERR and is_header_alone(theirs)
            and not ours.has_records() and ours.question in (b"", query.question()))


@rule("the question stands beside the error of a TSIG (RFC 8945 5.2); NSD leaves it out",
      "question")
def _(query, ours, theirs):
    return (query.oddity == "TSIG of nobody" and ours.rcode == theirs.rcode == NOTAUTH
            and not theirs.question and has_question_of(ours, query))


@rule("no question without a cookie is FORMERR (RFC 7873 5.4); NSD says NOERROR", "rcode")
def _(query, ours, theirs):
    return (query.oddity == "no question" and ours.option(COOKIE) is None
            and ours.rcode == FORMERR and theirs.rcode == NOERROR)


@rule("a record beside the OPT is ignored (RFC 1035 4.1); NSD says FORMERR", *BODY)
def _(query, ours, theirs):
    return (query.oddity == "record added" and ours.rcode != FORMERR
            and theirs.rcode == FORMERR and is_header_alone(theirs))


# --- EDNS

@rule("DO is copied into every OPT (RFC 3225 3); NSD leaves it out of BADVERS", "opt flags")
def _(query, ours, theirs):
    return (ours.rcode == theirs.rcode == BADVERS and theirs.opt[1] == 0
            and ours.opt[1] == query.opt[1] & 0x8000)


@rule("only the first COOKIE counts (RFC 7873 5.2); NSD takes offence at a later one", *BODY)
def _(query, ours, theirs):
    cookies = [data for code, data in query.opt[2] if code == COOKIE] if query.opt else []
    is_later = any(not (len(data) == 8 or 16 <= len(data) <= 40) for data in cookies[1:])
    return (is_later and (ours.option(COOKIE) or b"")[:8] == cookies[0][:8]
            and theirs.rcode == FORMERR and is_header_alone(theirs))


@rule("options stand in an order of one's own", "options")
def _(_query, ours, theirs):
    return (ours.opt and theirs.opt
            and are_same_options(sorted(ours.opt[2]), sorted(theirs.opt[2])))


@rule("keepalive is answered over TCP (RFC 7828 3.3.2)", "options")
def _(query, ours, theirs):
    if not query.over_tcp or not ours.opt or not theirs.opt:
        return NOTHING
    others = sorted(pair for pair in ours.opt[2] if pair != (KEEPALIVE, b"\0\x64"))
    return (KEEPALIVE in {code for code, _ in query.opt[2]} and len(others) < len(ours.opt[2])
            and are_same_options(others, sorted(theirs.opt[2])))


@rule("a good cookie stays in a reply without a question, too (RFC 9018 4.3); NSD makes another",
      "options")
def _(query, ours, theirs):
    kept = ours.option(COOKIE)
    return (query.oddity == "no question" and kept and (COOKIE, kept) in query.opt[2]
            and (theirs.option(COOKIE) or b"")[:8] == kept[:8])


def explains_broken(query, ours, theirs):
    codes = [code for code, _ in query.opt[2]] if query.opt else []
    is_twice = codes.count(COOKIE) > 1 or codes.count(NSID) > 1
    if not is_twice or not isinstance(ours, Reply) or not isinstance(theirs, str):
        return NOTHING
    cookie = next((data for code, data in query.opt[2] if code == COOKIE), None)
    is_first = cookie is None or (ours.option(COOKIE) or b"")[:8] == cookie[:8]
    return frozenset(("theirs",)) if is_first else NOTHING


RULES.append(Rule("the first of two COOKIEs or NSIDs counts (RFC 7873 5.2); NSD's OPT runs over "
                  "its message", explains_broken))
