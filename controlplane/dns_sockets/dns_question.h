// A query that came by TCP, as a resolver is asked it, and the reply that is made of what it says.
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/dns_forwarding.h"
#include "common/dns_upstream.h"
#include "controlplane/dns_sockets/dns_known_answer.h"

namespace vipgate {

// `query`: as the client sent it, and `parts` as it was taken apart; or a reply with CNAME records
// that lead to the name which is asked for.
class DnsForwardedQuery {
 public:
  DnsForwardedQuery(std::span<const uint8_t> query, const DnsStreamAnswer& parts);

  // The folded name that is asked for.
  std::string name() const;
  // By which its answer is known: the same for all questions that have the same one.
  std::string key() const;
  // The message for a resolver, after its length in two octets.
  std::vector<uint8_t> question(uint16_t id, bool has_edns = true) const;
  // Whether the resolver refuses question(id) as one does that knows nothing of EDNS.
  bool may_lack_edns(std::span<const uint8_t> answer, uint16_t id) const;
  // The resolver's answer to question(id), as of `now_ns`; nothing: it does not answer the
  // question, or cannot.
  std::optional<DnsKnownAnswer> read(std::span<const uint8_t> answer, uint16_t id,
                                     const DnsTtlLimits& limits, uint64_t now_ns) const;
  // What the client gets of an answer to a question of the same key, its time counted down, or,
  // once that is over, as stale.
  std::vector<uint8_t> reply(const DnsKnownAnswer& known, uint64_t now_ns) const;
  // What it gets when nobody answers.
  std::vector<uint8_t> failure(DnsRcode rcode,
                               DnsExtendedError error = DnsExtendedError::kNone) const;

 private:
  void take_alias(std::span<const uint8_t> reply);
  DnsUpstreamQuestion asked(uint16_t id) const;
  void finish(std::vector<uint8_t>& reply, uint16_t flags, uint16_t additionals,
              DnsExtendedError error) const;
  // Octet `at` of the reply.
  const uint8_t* octets_at(size_t at) const {
    return at < query_.size() ? query_.data() + at : alias_.data() + (at - query_.size());
  }

  std::vector<uint8_t> query_;  // header and question
  std::vector<uint8_t> alias_;  // CNAME records behind it
  uint16_t alias_count_ = 0;
  // The name that is asked for, by its place in the reply.
  size_t target_ = kDnsHeaderLength;
  size_t target_length_;
  bool has_opt_;
  bool is_dnssec_ok_;
  bool is_above_zone_;
  std::vector<uint8_t> options_;  // of the OPT record
};

}  // namespace vipgate
