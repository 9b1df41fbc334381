"""In what two replies to one query differ."""

from dns_random_queries import COOKIE
from dns_reply import BITS, Reply

FIELDS = ("number", "opcode", "rcode", "question", "answer", "authority", "additional")
MADE_TOGETHER_S = 5  # two replies to one query


def differences(ours, theirs):
    """The names of what differs; another alone where one of the two is none or cannot be read."""
    for reply, whose in ((ours, "ours"), (theirs, "theirs")):
        if not isinstance(reply, Reply):
            return {whose}
    found = {field for field in FIELDS if getattr(ours, field) != getattr(theirs, field)}
    found |= {name for name, bit in BITS if (ours.flags ^ theirs.flags) & bit}
    if (ours.opt is None) != (theirs.opt is None):
        found.add("opt")
    elif ours.opt:
        if ours.opt[0] != theirs.opt[0]:
            found.add("size")
        if ours.opt[1] != theirs.opt[1]:
            found.add("opt flags")
        if not are_same_options(ours.opt[2], theirs.opt[2]):
            found.add("options")
    return found


def are_same_options(ours, theirs):
    """Cookies of the same second are the same; others have another time in them (RFC 9018 4)."""
    if ours == theirs:
        return True
    if [code for code, _ in ours] != [code for code, _ in theirs]:
        return False
    return all(one == other or code == COOKIE and _are_of_two_seconds(one, other)
               for (code, one), (_, other) in zip(ours, theirs))


def _are_of_two_seconds(one, other):
    if len(one) != 24 or len(other) != 24 or one[:12] != other[:12]:
        return False
    times = [int.from_bytes(cookie[12:16], "big") for cookie in (one, other)]
    return 0 < abs(times[0] - times[1]) <= MADE_TOGETHER_S
