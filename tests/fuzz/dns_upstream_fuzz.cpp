// libFuzzer target: any octets as what a resolver answers. What is believed of it is kept, and told
// to a client; that must be one well-formed message within the client's limit.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "common/dns_table_builder.h"
#include "common/dns_upstream.h"
#include "dataplane/fastpath/dns_cached.h"
#include "tests/support/dns_message.h"

namespace vipgate {
namespace {

using namespace test;

constexpr uint64_t kNow = 1'000'000'000'000;

void require(bool holds) {
  if (!holds) std::abort();
}

class UpstreamFuzz {
 public:
  UpstreamFuzz() {
    policy_.forwarding.is_on = true;
    const std::vector<IpPrefix> all{{Ipv4Address{}, 0}};
    policy_.forwarding.clients = PrefixSet(all);
    policy_.forwarding.zones = {{std::string(1, '\0'), {}}};
  }

  void check(const uint8_t* data, size_t size) {
    const std::string name = wire_name("WwW.example.org");
    const DnsUpstreamQuestion question{.id = kTestId,
                                       .name = reinterpret_cast<const uint8_t*>(name.data()),
                                       .name_length = static_cast<uint16_t>(name.size()),
                                       .type = 1};
    // The head that the fuzzer would have to guess, then its own: flags, counts and records.
    if (size < 8) return;
    const std::string rest(reinterpret_cast<const char*>(data + 8), size - 8);
    std::string text = be16(kTestId) + std::string(reinterpret_cast<const char*>(data), 8) +
                       be16(data[7] % 4) + dns_question(name, 1) + rest;
    text[2] = static_cast<char>((data[0] & 0x07) | 0x80);
    text[4] = 0;
    text[5] = 1;
    // An allocation of its own, so that the sanitizer sees every octet beyond it.
    const std::unique_ptr<uint8_t[]> message(new uint8_t[text.size()]);
    std::memcpy(message.get(), text.data(), text.size());
    if (!dns_answers_question(message.get(), text.size(), question)) return;
    DnsUpstreamAnswer answer;
    dns_read_upstream(message.get(), text.size(), question, {3600, 300}, answer);
    if (!answer.is_usable()) return;
    require(answer.body_offset + answer.body_length <= text.size());
    for (const unsigned long limit : {0ul, 600ul, 1232ul}) tell(message.get(), answer, limit);
    tell_behind_alias();
  }

 private:
  // `size`: what the client says in its OPT record; 0: it has none.
  void tell(const uint8_t* message, const DnsUpstreamAnswer& answer, unsigned long size) {
    std::string query = dns_header(0x0100, 1, 0, 0, size == 0 ? 0 : 1) +
                        dns_question(wire_name("www.EXAMPLE.org"), 1);
    if (size != 0) query += dns_opt(static_cast<unsigned>(size));
    std::vector<uint8_t> room(query.begin(), query.end());
    room.resize(query.size() + 1400);
    const std::array<uint8_t, 4> client{};
    DnsParsed parsed;
    parse(query.size(), room, client, parsed);
    const DnsQuestion question =
        DnsQuestion::of(parsed.hash, parsed.name, parsed.name_length, parsed.type, 0);
    cache_.store(question, message, answer, kNow);
    const DnsCacheSlot* known = cache_.find(question, true);
    require(known != nullptr);
    const DnsReply reply = dns_answer_cached(parsed, *known, kNow, ++turn_, DnsVerdict::kCached);
    const std::string_view octets(reinterpret_cast<const char*>(room.data()), reply.length);
    const auto told = parse_dns(octets);
    require(told.has_value());
    require(told->question == dns_question(wire_name("www.EXAMPLE.org"), 1));
    require(octets.size() <= std::max(size, 512ul));
    require(reply.sum % 0xffff == dns_octet_sum(octets) % 0xffff);
    require(!told->aa());
    plain_ = *told;
    known_ = known;
  }

  // What was told last, behind a record of ours that leads to its name: the same records, wherever
  // the pointers of their names lead now.
  void tell_behind_alias() {
    const std::string query =
        dns_header(0x0100, 1, 0, 0, 1) + dns_question(wire_name("alias.mesos"), 1) + dns_opt(1232);
    std::vector<uint8_t> room(query.begin(), query.end());
    room.resize(query.size() + 1400);
    const std::array<uint8_t, 4> client{};
    DnsParsed parsed;
    parse(query.size(), room, client, parsed);
    const std::string target = wire_name("www.EXAMPLE.org");
    const std::string record = "\xc0\x0c" + be16(5) + be16(1) + be32(60) +
                               be16(static_cast<unsigned>(target.size())) + target;
    DnsAlias alias;
    std::memcpy(alias.records.data(), record.data(), record.size());
    alias.length = static_cast<uint16_t>(record.size());
    alias.answers = 1;
    alias.target = static_cast<uint16_t>(parsed.question_end + record.size() - target.size());
    const DnsReply reply =
        dns_answer_behind_alias(parsed, alias, *known_, kNow, turn_, DnsVerdict::kCached);
    const std::string_view octets(reinterpret_cast<const char*>(room.data()), reply.length);
    const auto told = parse_dns(octets);
    require(told.has_value() && octets.size() <= 1232);
    require(reply.sum % 0xffff == dns_octet_sum(octets) % 0xffff);
    // Names of types that are not read before they are kept may be none.
    if (told->tc() || told->rcode() == 2) return;
    require(told->answers.size() == plain_.answers.size() + 1);
    for (size_t i = 0; i < plain_.answers.size(); ++i) {
      const ParsedRecord &moved = told->answers[i + 1], &plain = plain_.answers[i];
      require(moved.owner == plain.owner && moved.type == plain.type && moved.ttl == plain.ttl);
      if (plain.type == 1) require(moved.rdata == plain.rdata);
    }
  }

  void parse(size_t length, std::vector<uint8_t>& room, const std::array<uint8_t, 4>& client,
             DnsParsed& parsed) {
    dns_parse({*table_, policy_, 0},
              {.message = room.data(),
               .length = static_cast<uint16_t>(length),
               .capacity = static_cast<uint16_t>(room.size()),
               .source_port = Be16(40000),
               .client = client.data(),
               .client_length = 4},
              parsed);
  }

  std::shared_ptr<const DnsTable> table_ = DnsTableBuilder(DnsHashSecret{}).build().value();
  DnsPolicy policy_;
  std::vector<DnsCacheBucket> buckets_ = std::vector<DnsCacheBucket>(1);
  std::vector<DnsCacheSlot> slots_ = std::vector<DnsCacheSlot>(DnsCacheBucket::kWays);
  DnsCache cache_{{.buckets = buckets_, .slots = slots_}};
  ParsedMessage plain_;  // what was told last, of what is known
  const DnsCacheSlot* known_ = nullptr;
  uint32_t turn_ = 0;
};

}  // namespace
}  // namespace vipgate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static vipgate::UpstreamFuzz fuzz;
  if (size <= 4096) fuzz.check(data, size);
  return 0;
}
