// libFuzzer target: any octets as a query, of which nothing beyond may be read, and whose reply
// must be one well-formed message within its limit.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "common/dns_table_builder.h"
#include "dataplane/fastpath/dns_responder.h"
#include "tests/support/dns_message.h"

namespace vipgate {
namespace {

using namespace test;

std::shared_ptr<const DnsTable> make_table() {
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{wire_name("ns1.mesos"), wire_name("root.mesos"), 7, 60, 600, 86400, 5};
  bool is_good = builder
                     .set_zones({{wire_name("mesos"), soa, 60},
                                 {wire_name("alias"), soa, 60, false, wire_name("mesos")},
                                 {wire_name("a.mesos"), soa, 60, false, wire_name("alias")},
                                 {wire_name("11.in-addr.arpa"), soa, 60}})
                     .ok();
  const auto add = [&](const char* name, DnsType type, const std::string& rdata) {
    is_good &= builder.add({wire_name(name), type, 60, rdata}).ok();
  };
  add("mesos", DnsType::kNs, wire_name("t.mesos"));
  add("*.w.mesos", DnsType::kA, std::string(4, 'a'));
  add("*.x.w.mesos", DnsType::kCname, wire_name("q.w.alias"));
  for (unsigned i = 0; i < 20; ++i) {
    const std::string target = std::string(1 + i, 't') + ".mesos";
    add("_s._tcp.mesos", DnsType::kSrv, be16(0) + be16(1) + be16(i) + wire_name(target));
    if (i < 3) add("_t._tcp.mesos", DnsType::kSrv, std::string(6, '\0') + wire_name(target));
    add(target.c_str(), DnsType::kA, be32(i));
    if (i % 2 == 0) add(target.c_str(), DnsType::kAaaa, std::string(16, '\x20'));
  }
  add("c.mesos", DnsType::kCname, wire_name("d.mesos"));
  add("d.mesos", DnsType::kCname, wire_name("app5.mesos"));
  add("e.mesos", DnsType::kCname, wire_name("nothing.mesos"));
  add("f.mesos", DnsType::kCname, wire_name("f.mesos"));
  add("1.0.0.11.in-addr.arpa", DnsType::kPtr, wire_name("app5.mesos"));
  add("t.mesos", DnsType::kTxt, "\3abc");
  add("t.mesos", DnsType::kTxt, "\2ab");
  for (unsigned i = 0; i < 40; ++i) {
    const std::string name = i == 0 ? "leader.mesos" : i < 4 ? "app5.mesos" : "x.forty.mesos";
    is_good &= builder.add({wire_name(name), DnsType::kA, 60, be32(i)}).ok();
  }
  auto table = builder.build();
  if (!is_good || !table) std::abort();
  return *table;
}

// The view of the client 10.0.0.1, of names that the table has and of others.
DnsViews make_views() {
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{wire_name("ns1.mesos"), wire_name("root.mesos"), 7, 60, 600, 86400, 5};
  bool is_good = builder
                     .set_zones({{wire_name("mesos"), soa, 60},
                                 {wire_name("alias"), soa, 60, false, wire_name("mesos")}})
                     .ok();
  const auto add = [&](const char* name, DnsType type, const std::string& rdata) {
    is_good &= builder.add({wire_name(name), type, 60, rdata}).ok();
  };
  add("app5.mesos", DnsType::kA, std::string(4, 'b'));
  add("d.mesos", DnsType::kCname, wire_name("c.mesos"));
  add("q.w.mesos", DnsType::kCname, wire_name("only.view.alias"));
  add("only.view.mesos", DnsType::kAaaa, std::string(16, 'b'));
  add("tt.mesos", DnsType::kAaaa, std::string(16, 'c'));
  add("_v._tcp.mesos", DnsType::kSrv, std::string(6, '\0') + wire_name("only.view.mesos"));
  auto table = builder.build();
  if (!is_good || !table) std::abort();
  const PrefixValue client{{Ipv4Address{Be32(0x0a000001)}, 32}, 0};
  return {PrefixValues<Ipv4Address>({&client, 1}), {}, {*table}};
}

void require(bool holds) {
  if (!holds) std::abort();
}

// All that may stand in a reply.
const DnsPolicy& policy() {
  static const DnsPolicy policy{.nsid = std::string(128, 'n'),
                                .version = std::string(255, 'v'),
                                .hostname = "gw1.example",
                                .cookie_secrets = {SipKey{{1}}, SipKey{{2}}},
                                .tcp_idle_100ms = 100};
  return policy;
}

void check(const DnsTable& table, const uint8_t* data, size_t size, size_t room, bool is_stream,
           const DnsViews* views = nullptr, uint16_t max_amplification = 0,
           bool is_forwarding = false) {
  // An allocation of its own, so that the sanitizer sees every octet beyond it.
  const size_t capacity = size + room;
  std::unique_ptr<uint8_t[]> message(new uint8_t[capacity]);
  if (size != 0) std::memcpy(message.get(), data, size);
  static constexpr uint8_t kClient[16] = {10, 0, 0, 1};
  DnsPolicy rules = policy();
  rules.max_amplification = max_amplification;
  if (is_forwarding) {
    static constexpr char kOthers[] = "\1o\0";
    rules.forwarding.is_on = rules.forwarding.has_local_zones = true;
    const IpPrefix all{Ipv4Address{}, 0};
    rules.forwarding.clients = PrefixSet({&all, 1});
    rules.forwarding.zones = {{wire_name("1.10.in-addr.arpa"), {}}, {std::string(1, '\0'), {}}};
    const PrefixValue client{{Ipv4Address{Be32(0x0a000001)}, 32}, 0};
    rules.search.clients4 = PrefixValues<Ipv4Address>({&client, 1});
    rules.search.lists = {
        {wire_name("mesos"), wire_name("w.mesos"), {kOthers, sizeof kOthers - 1}}};
  }
  // A good one lifts the bound.
  if (max_amplification != 0) rules.cookie_secrets.clear();
  const DnsQuery query{.message = message.get(),
                       .length = static_cast<uint16_t>(size),
                       .capacity = static_cast<uint16_t>(capacity),
                       .source_port = Be16(40000),
                       .client = kClient,
                       .client_length = static_cast<uint8_t>(size % 2 == 0 ? 4 : 16),
                       .is_stream = is_stream};
  const DnsContext context{table, rules, uint64_t{1559731985} * 1'000'000'000, views};
  const DnsReply reply = dns_respond(context, query, static_cast<uint32_t>(size));
  require(reply.length <= capacity);
  require((is_drop(reply.verdict) || reply.verdict == DnsVerdict::kForward) == (reply.length == 0));
  require(is_forwarding || reply.verdict != DnsVerdict::kForward);
  if (reply.length == 0) return;
  const std::string_view octets(reinterpret_cast<const char*>(message.get()), reply.length);
  const auto parsed = parse_dns(octets);
  require(parsed.has_value());
  require(std::memcmp(octets.data(), data, 2) == 0);
  require(is_stream || octets.size() <= (parsed->opt ? 1232u : 512u));
  require(is_stream || max_amplification == 0 || octets.size() <= max_amplification * size);
  require(reply.sum % 0xffff == dns_octet_sum(octets) % 0xffff);
}

}  // namespace
}  // namespace vipgate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto table = vipgate::make_table();
  if (size > 9000) return 0;
  vipgate::check(*table, data, size, 0, false);
  vipgate::check(*table, data, size, 2048, false);
  vipgate::check(*table, data, size, 16384, true);
  static const auto views = vipgate::make_views();
  vipgate::check(*table, data, size, 2048, false, &views);
  vipgate::check(*table, data, size, 2048, false, &views, 2);
  vipgate::check(*table, data, size, 16384, true, &views);
  vipgate::check(*table, data, size, 0, false, &views, 0, true);
  vipgate::check(*table, data, size, 2048, false, nullptr, 0, true);
  vipgate::check(*table, data, size, 2048, false, &views, 2, true);
  vipgate::check(*table, data, size, 16384, true, nullptr, 0, true);
  return 0;
}
