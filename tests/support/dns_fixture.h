// A small table of names, and a responder call that guards the query's octets: it lies at the very
// end of a page that is followed by one that cannot be touched.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dns_table_builder.h"
#include "dataplane/fastpath/dns_responder.h"
#include "tests/support/dns_message.h"

namespace vipgate::test {

// Memory of which the octet after the last one may not be read or written.
class GuardedBuffer {
 public:
  static constexpr size_t kSize = 16384;

  GuardedBuffer() {
    void* pages =
        mmap(nullptr, kSize + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(static_cast<char*>(pages) + kSize, 4096, PROT_NONE) != 0) {
      std::abort();
    }
    begin_ = static_cast<uint8_t*>(pages);
  }
  ~GuardedBuffer() { munmap(begin_, kSize + 4096); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  // The last `size` octets.
  uint8_t* last(size_t size) { return begin_ + kSize - size; }

 private:
  uint8_t* begin_;
};

struct Response {
  DnsVerdict verdict;
  std::string octets;
};

inline uint16_t sum_of(std::string_view octets) { return dns_octet_sum(octets); }

// Who asks, and when.
inline constexpr uint8_t kTestClient[] = {192, 0, 2, 1};
inline constexpr uint32_t kTestUnixS = 1559731985;

inline DnsContext test_context(const DnsTable& table, const DnsPolicy& policy) {
  return {table, policy, uint64_t{kTestUnixS} * 1'000'000'000};
}

// What brings record number `first` of `count` to the front.
constexpr uint32_t rotation_to(uint32_t first, uint32_t count) {
  return static_cast<uint32_t>(((uint64_t{first} << 32) + count - 1) / count);
}

// Answers `query`, first with no octet readable behind it, and checks that the stated sum is that
// of the reply's octets. The reply may take `room` octets more than the query.
inline Response respond(const DnsTable& table, std::string_view query, uint32_t rotation = 0,
                        uint16_t port = 40000, size_t room = 2048, const DnsPolicy& policy = {}) {
  static GuardedBuffer guarded;
  // Parsing alone sees exactly the query's octets.
  uint8_t* exact = guarded.last(query.size());
  std::memcpy(exact, query.data(), query.size());
  const DnsQuery tight{.message = exact,
                       .length = static_cast<uint16_t>(query.size()),
                       .capacity = static_cast<uint16_t>(query.size()),
                       .source_port = Be16(port),
                       .client = kTestClient,
                       .client_length = sizeof kTestClient};
  const DnsReply small = dns_respond(test_context(table, policy), tight, rotation);
  EXPECT_LE(small.length, query.size()) << "a reply never exceeds the capacity";

  uint8_t* roomy = guarded.last(query.size() + room);
  std::memcpy(roomy, query.data(), query.size());
  DnsQuery whole = tight;
  whole.message = roomy;
  whole.capacity = static_cast<uint16_t>(query.size() + room);
  const DnsReply reply = dns_respond(test_context(table, policy), whole, rotation);
  const std::string octets(reinterpret_cast<const char*>(roomy), reply.length);
  EXPECT_EQ(is_drop(reply.verdict) || reply.verdict == DnsVerdict::kForward, reply.length == 0);
  if (reply.length != 0) {
    // 0 and 0xffff are the same number in ones-complement arithmetic.
    EXPECT_EQ(reply.sum % 0xffff, sum_of(octets) % 0xffff) << "the sum is that of the octets";
  }
  return {reply.verdict, octets};
}

// The answer to a message of a TCP stream.
inline Response respond_over_tcp(const DnsTable& table, std::string_view query,
                                 uint16_t port = 40000, const DnsPolicy& policy = {}) {
  std::vector<uint8_t> message(UINT16_MAX + 64);
  std::memcpy(message.data(), query.data(), query.size());
  const DnsReply reply = dns_respond(test_context(table, policy),
                                     {.message = message.data(),
                                      .length = static_cast<uint16_t>(query.size()),
                                      .capacity = UINT16_MAX,
                                      .source_port = Be16(port),
                                      .client = kTestClient,
                                      .client_length = sizeof kTestClient,
                                      .is_stream = true},
                                     0);
  return {reply.verdict, {reinterpret_cast<const char*>(message.data()), reply.length}};
}

inline std::string ipv4(unsigned long address) { return be32(address); }

inline DnsSoa test_soa() {
  return {wire_name("ns1.mesos"), wire_name("root.ns1.mesos"), 7, 60, 600, 86400, 5};
}

// Records that refer to other names, for make_test_table():
//   mesos NS ns1 (A, AAAA); text TXT; _one._tcp SRV: web1
//   _web._tcp, _web2._tcp 3 SRV: web1 (A), web22 (A, AAAA), www.example.test
//   _same._tcp 3 SRV of one target; _many._tcp 12 SRV, of targets with one A each; _fat._tcp 12
//   SRV, of targets with long names and two A each cn -> leader, cn2 -> cn, five -> app5, srv ->
//   _same._tcp, forty-cn -> forty, apex -> l4lb.test, other -> redis.marathon.l4lb.test, out ->
//   www.example.test, dangling -> nothing.mesos, loop -> loop, to-round1 -> round1 -> round2 ->
//   round3 -> round1, c0 -> c1 -> … -> c8 -> leader; all of these in zone mesos
//   1.0.0.11.in-addr.arpa PTR redis.marathon.l4lb.test
template <class Must>
void add_related_records(DnsTableBuilder& builder, Must must) {
  const auto add = [&](const std::string& name, DnsType type, const std::string& rdata) {
    must(builder.add({wire_name(name), type, 60, rdata}));
  };
  const auto srv = [&](const std::string& name, unsigned port, const std::string& target) {
    add(name, DnsType::kSrv, be16(0) + be16(1) + be16(port) + wire_name(target));
  };
  for (const char* name : {"_web._tcp.mesos", "_web2._tcp.mesos"}) {
    srv(name, 80, "web1.mesos");
    srv(name, 81, "web22.mesos");
    srv(name, 82, "www.example.test");
  }
  add("web1.mesos", DnsType::kA, ipv4(0x0a010001));
  add("web22.mesos", DnsType::kA, ipv4(0x0a010002));
  add("web22.mesos", DnsType::kAaaa, std::string(16, '\x33'));
  for (unsigned i = 0; i < 12; ++i) {
    const std::string target = "t" + std::string(i % 3, 'z') + std::to_string(i) + ".mesos";
    const std::string fat = "fat" + std::string(20 + i % 3, 'z') + std::to_string(i) + ".mesos";
    if (i < 3) srv("_same._tcp.mesos", i, "web1.mesos");
    srv("_many._tcp.mesos", i, target);
    srv("_fat._tcp.mesos", i, fat);
    add(target, DnsType::kA, ipv4(0x0a020000 + i));
    add(fat, DnsType::kA, ipv4(0x0a030000 + i));
    add(fat, DnsType::kA, ipv4(0x0a040000 + i));
  }
  for (const auto& [name, target] :
       std::vector<std::pair<std::string, std::string>>{{"cn.mesos", "leader.mesos"},
                                                        {"cn2.mesos", "cn.mesos"},
                                                        {"five.mesos", "app5.mesos"},
                                                        {"srv.mesos", "_same._tcp.mesos"},
                                                        {"forty-cn.mesos", "forty.mesos"},
                                                        {"apex.mesos", "l4lb.test"},
                                                        {"other.mesos", "redis.marathon.l4lb.test"},
                                                        {"out.mesos", "www.example.test"},
                                                        {"dangling.mesos", "nothing.mesos"},
                                                        {"loop.mesos", "loop.mesos"},
                                                        {"to-round1.mesos", "round1.mesos"},
                                                        {"round1.mesos", "round2.mesos"},
                                                        {"round2.mesos", "round3.mesos"},
                                                        {"round3.mesos", "round1.mesos"},
                                                        {"c8.mesos", "leader.mesos"}}) {
    add(name, DnsType::kCname, wire_name(target));
  }
  for (int i = 0; i < 8; ++i) {
    add("c" + std::to_string(i) + ".mesos", DnsType::kCname,
        wire_name("c" + std::to_string(i + 1) + ".mesos"));
  }
  srv("_one._tcp.mesos", 80, "web1.mesos");
  add("text.mesos", DnsType::kTxt, "\4text");
  add("mesos", DnsType::kNs, wire_name("ns1.mesos"));
  add("ns1.mesos", DnsType::kA, ipv4(0x0a010035));
  add("ns1.mesos", DnsType::kAaaa, std::string(16, '\x35'));
  add("1.0.0.11.in-addr.arpa", DnsType::kPtr, wire_name("redis.marathon.l4lb.test"));
}

// Zones mesos (TTL 60, minimum 5), l4lb.test and 11.in-addr.arpa; add_related_records(), and:
//   leader.mesos A; app5.mesos 3 A; forty.mesos 40 A; many.mesos 120 A; dual.mesos A and AAAA
//   x.marathon.mesos A, which makes marathon.mesos an empty non-terminal
//   leaf.below.ent.mesos AAAA, which makes ent.mesos and below.ent.mesos such
//   redis.marathon.l4lb.test A; *.wild.mesos A
// `is_incomplete` is what the first two zones are.
inline std::shared_ptr<const DnsTable> make_test_table(bool is_incomplete = false) {
  DnsTableBuilder builder(DnsHashSecret{});
  const auto must = [](const Status& status) { EXPECT_TRUE(status.ok()); };
  must(builder.set_zones({{wire_name("mesos"), test_soa(), 60, is_incomplete},
                          {wire_name("l4lb.test"), test_soa(), 60, is_incomplete},
                          {wire_name("11.in-addr.arpa"), test_soa(), 60, false}}));
  add_related_records(builder, must);
  const auto add = [&](std::string_view name, unsigned count) {
    for (unsigned i = 1; i <= count; ++i) {
      must(builder.add({wire_name(name), DnsType::kA, 60, ipv4(0x0a000000 + i)}));
    }
  };
  add("leader.mesos", 1);
  add("*.wild.mesos", 1);
  add("app5.mesos", 3);
  add("forty.mesos", 40);
  add("many.mesos", 120);
  add("dual.mesos", 1);
  add("x.marathon.mesos", 1);
  add("redis.marathon.l4lb.test", 1);
  must(builder.add({wire_name("dual.mesos"), DnsType::kAaaa, 60, std::string(16, '\x11')}));
  must(builder.add(
      {wire_name("leaf.below.ent.mesos"), DnsType::kAaaa, 60, std::string(16, '\x22')}));
  auto table = builder.build();
  EXPECT_TRUE(table.ok());
  return *table;
}

}  // namespace vipgate::test
