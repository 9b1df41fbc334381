#include "dataplane/dns_datagram.h"

#include "dataplane/fastpath/dns_alias.h"
#include "dataplane/fastpath/dns_reply.h"

namespace vipgate {
namespace {

// The length of header, question and OPT, with a cookie, without all else.
uint16_t truncate_datagram(DnsParsed& parsed, bool is_authoritative) {
  parsed.options &= kDnsCookieOption;
  return dns_truncate(parsed, is_authoritative).length;
}

bool is_authoritative(const uint8_t* reply) {
  return (load_be16(reply + 2) & DnsHeader::kAuthoritative) != 0;
}

}  // namespace

uint16_t dns_answer_datagram(const DnsContext& context, const DnsQuery& query, uint32_t rotation) {
  DnsAlias alias;
  const DnsContext with_alias{context.table, context.policy, context.unix_ns, context.views,
                              &alias};
  DnsParsed parsed;
  dns_parse(with_alias, query, parsed);
  dns_prefetch(with_alias, parsed);
  const DnsReply reply = dns_answer(with_alias, parsed, rotation);
  if (reply.verdict == DnsVerdict::kForward) return truncate_datagram(parsed, false);
  if (reply.length > query.length && !parsed.has_good_cookie) {
    return truncate_datagram(parsed, is_authoritative(query.message));
  }
  return reply.length;
}

bool dns_claims_our_service(const Snapshot& snapshot, const AddressAndPort& client) {
  const IpAddress& address = client.address;
  if (!dns_is_service_port(Be16(client.port))) return false;
  return address.is_v4() ? snapshot.table<Ipv4Address>().has(address.v4())
                         : snapshot.table<Ipv6Address>().has(address.v6());
}

}  // namespace vipgate
