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

}  // namespace vipgate
