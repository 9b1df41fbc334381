#!/usr/bin/python3
"""dnspython asks the server of the zones in dns_zones.py, by UDP and TCP; it takes no malformed
message.

Usage: dns_python_judge.py ADDRESS…
"""

import socket
import sys

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

COOKIE = b"python!!"
TIMEOUT_S = 5
EXPECTED = (  # name, type, RCODE, how many records
    ("WwW.corp.example.", "A", "NOERROR", 1), ("www.corp.example.", "AAAA", "NOERROR", 1),
    ("text.corp.example.", "TXT", "NOERROR", 2), ("_web._tcp.corp.example.", "SRV", "NOERROR", 3),
    ("_many._tcp.alias.example.", "SRV", "NOERROR", 30),
    ("forty.corp.example.", "A", "NOERROR", 40),
    ("many.corp.example.", "A", "NOERROR", 120), ("manytoo.alias.example.", "AAAA", "NOERROR", 60),
    ("x.wild.corp.example.", "A", "NOERROR", 1), ("chain1.corp.example.", "A", "NOERROR", 5),
    ("loop1.corp.example.", "A", "NOERROR", 2), ("corp.example.", "SOA", "NOERROR", 1),
    ("corp.example.", "NS", "NOERROR", 2), ("1.0.9.10.in-addr.arpa.", "PTR", "NOERROR", 1),
    ("six.corp.example.", "A", "NOERROR", 0), ("nothing.corp.example.", "A", "NOERROR", 0),
    ("www.corp.example.", "TYPE65280", "NOERROR", 0), ("nobody.corp.example.", "A", "NXDOMAIN", 0),
    ("dangling.corp.example.", "A", "NXDOMAIN", 1), ("www.elsewhere.test.", "A", "REFUSED", 0))


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found} instead of {wanted}")


def question(name, kind, *codes, data=b"", **more):
    options = [dns.edns.GenericOption(code, data) for code in codes]
    return dns.message.make_query(name, kind, use_edns=0, payload=1232, options=options, **more)


def option(reply, code):
    return next((each.to_wire() for each in reply.options if each.otype == code), None)


def check_answer(where, query, reply, rcode, count):
    expect(f"RCODE {where}", dns.rcode.to_text(reply.rcode()), rcode)
    expect(f"records {where}", sum(len(each) for each in reply.answer), count)
    expect(f"AA {where}", bool(reply.flags & dns.flags.AA), rcode != "REFUSED")
    expect(f"case {where}", reply.question[0].name.labels, query.question[0].name.labels)
    expect(f"EDNS {where}", (reply.edns, reply.payload), (0, 1232))
    is_denied = rcode == "NXDOMAIN" or (rcode == "NOERROR" and count == 0)
    kinds = [dns.rdatatype.to_text(each.rdtype) for each in reply.authority]
    expect(f"authority {where}", kinds, ["SOA"] if is_denied else [])


def judge(address):
    strictly = {"timeout": TIMEOUT_S, "ignore_trailing": False, "one_rr_per_rrset": True}

    def ask(name, kind, *codes, way=dns.query.udp, data=b""):
        return way(question(name, kind, *codes, data=data), address, **strictly)

    for name, kind, rcode, count in EXPECTED:
        query = question(name, kind, want_dnssec=count % 2 == 0)
        reply, _ = dns.query.udp_with_fallback(query, address, **strictly)
        check_answer(f"of {name} {kind}", query, reply, rcode, count)
        reply = dns.query.tcp(query, address, **strictly)
        check_answer(f"of {name} {kind} by TCP", query, reply, rcode, count)
    plain = dns.message.make_query("www.corp.example.", "A", use_edns=False)
    expect("EDNS of a plain query", dns.query.udp(plain, address, **strictly).edns, -1)
    cookie = option(ask("www.corp.example.", "A", 10, data=COOKIE), 10)
    expect("the cookie's length and start", (len(cookie), cookie[:8]), (24, COOKIE))
    again = ask("nobody.corp.example.", "A", 10, data=cookie)
    expect("the cookie, which is still good", option(again, 10), cookie)
    expect("NSID", option(ask("mesos.", "SOA", 3), 3), b"judged")
    expect("keepalive over UDP", option(ask("mesos.", "SOA", 11), 11), None)
    expect("keepalive", len(option(ask("mesos.", "SOA", 11, way=dns.query.tcp), 11)), 2)
    errors = [each.code for each in ask("www.elsewhere.test.", "A").options]
    expect("extended errors", errors, [dns.edns.EDECode.NOT_AUTHORITATIVE])
    pipelined(address)


def pipelined(address):
    """Each of many questions on one connection gets its own answer."""
    queries = {(query := question(name, kind)).id: query for name, kind, *_ in EXPECTED}
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect((address, 53))
        for query in queries.values():
            dns.query.send_tcp(connection, query)
        for _ in range(len(queries)):
            reply, _ = dns.query.receive_tcp(connection, one_rr_per_rrset=True)
            if not queries.pop(reply.id).is_response(reply):
                sys.exit(f"no answer to what was asked: {reply}")


if __name__ == "__main__":
    for server in sys.argv[1:]:
        judge(server)
    print(f"dnspython is content with {len(EXPECTED)} answers of each of {sys.argv[1:]}")
