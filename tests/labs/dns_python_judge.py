#!/usr/bin/python3
"""dnspython asks the server of the zones in dns_zones.py, by UDP and TCP: it takes no malformed message.

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
    ("_many._tcp.alias.example.", "SRV", "NOERROR", 30), ("forty.corp.example.", "A", "NOERROR", 40),
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
    udp = {"timeout": TIMEOUT_S, "ignore_trailing": False, "one_rr_per_rrset": True}
    for name, kind, rcode, count in EXPECTED:
        query = question(name, kind, want_dnssec=count % 2 == 0)
        reply, _ = dns.query.udp_with_fallback(query, address, **udp)
        check_answer(f"of {name} {kind}", query, reply, rcode, count)
        check_answer(f"of {name} {kind} by TCP", query, dns.query.tcp(query, address, **udp), rcode, count)
    plain = dns.message.make_query("www.corp.example.", "A", use_edns=False)
    expect("EDNS of a plain query", dns.query.udp(plain, address, **udp).edns, -1)
    cookie = option(dns.query.udp(question("www.corp.example.", "A", 10, data=COOKIE), address, **udp), 10)
    expect("the cookie's length and start", (len(cookie), cookie[:8]), (24, COOKIE))
    again = dns.query.udp(question("nobody.corp.example.", "A", 10, data=cookie), address, **udp)
    expect("the cookie, which is still good", option(again, 10), cookie)
    expect("NSID", option(dns.query.udp(question("mesos.", "SOA", 3), address, **udp), 3), b"judged")
    expect("keepalive over UDP", option(dns.query.udp(question("mesos.", "SOA", 11), address, **udp), 11), None)
    expect("keepalive", len(option(dns.query.tcp(question("mesos.", "SOA", 11), address, **udp), 11)), 2)
    refused = dns.query.udp(question("www.elsewhere.test.", "A"), address, **udp)
    expect("the extended error", [each.code for each in refused.options], [dns.edns.EDECode.NOT_AUTHORITATIVE])
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
