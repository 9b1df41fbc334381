// A small table of names, and a responder call that guards the query's octets: it lies at the very
// end of a page that is followed by one that cannot be touched.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "common/dns_table_builder.h"
#include "dataplane/fastpath/dns_responder.h"
#include "tests/support/dns_message.h"

namespace vipgate::testing {

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

// Answers `query`, first with no octet readable behind it, and checks that the stated sum is that
// of the reply's octets. The reply may take `room` octets more than the query.
inline Response respond(const DnsTable& table, std::string_view query, uint32_t rotation = 0,
                        uint16_t port = 40000, size_t room = 2048) {
  static GuardedBuffer guarded;
  // Parsing alone sees exactly the query's octets.
  uint8_t* exact = guarded.last(query.size());
  std::memcpy(exact, query.data(), query.size());
  DnsQuery tight{exact, static_cast<uint16_t>(query.size()), static_cast<uint16_t>(query.size()),
                 Be16(port)};
  const DnsReply small = dns_respond(table, tight, rotation);
  EXPECT_LE(small.length, query.size()) << "a reply never exceeds the capacity";

  uint8_t* roomy = guarded.last(query.size() + room);
  std::memcpy(roomy, query.data(), query.size());
  DnsQuery whole{roomy, static_cast<uint16_t>(query.size()),
                 static_cast<uint16_t>(query.size() + room), Be16(port)};
  const DnsReply reply = dns_respond(table, whole, rotation);
  const std::string octets(reinterpret_cast<const char*>(roomy), reply.length);
  EXPECT_EQ(is_drop(reply.verdict), reply.length == 0);
  if (reply.length != 0) {
    // 0 and 0xffff are the same number in ones-complement arithmetic.
    EXPECT_EQ(reply.sum % 0xffff, sum_of(octets) % 0xffff) << "the sum is that of the octets";
  }
  return {reply.verdict, octets};
}

inline std::string ipv4(unsigned long address) { return be32(address); }

inline DnsSoa test_soa() {
  return {wire_name("ns1.mesos"), wire_name("root.ns1.mesos"), 7, 60, 600, 86400, 5};
}

// Zones mesos (TTL 60, minimum 5) and l4lb.test.
//   leader.mesos A; app5.mesos 3 A; forty.mesos 40 A; many.mesos 120 A; dual.mesos A and AAAA
//   x.marathon.mesos A, which makes marathon.mesos an empty non-terminal
//   leaf.below.ent.mesos AAAA, which makes ent.mesos and below.ent.mesos such
//   redis.marathon.l4lb.test A
inline std::shared_ptr<const DnsTable> make_test_table() {
  DnsTableBuilder builder(DnsHashSecret{});
  const auto must = [](const Status& status) { EXPECT_TRUE(status.ok()); };
  must(builder.set_zones(
      {{wire_name("mesos"), test_soa(), 60}, {wire_name("l4lb.test"), test_soa(), 60}}));
  const auto add = [&](std::string_view name, unsigned count) {
    for (unsigned i = 1; i <= count; ++i) {
      must(builder.add({wire_name(name), DnsType::kA, 60, ipv4(0x0a000000 + i})));
    }
  };
  add("leader.mesos", 1);
  add("app5.mesos", 3);
  add("forty.mesos", 40);
  add("many.mesos", 120);
  add("dual.mesos", 1);
  add("x.marathon.mesos", 1);
  add("redis.marathon.l4lb.test", 1);
  must(builder.add({wire_name("dual.mesos"), DnsType::kAaaa, 60, std::string(16, '\x11'})));
  must(builder.add({wire_name("leaf.below.ent.mesos"), DnsType::kAaaa, 60, std::string(16, '\x22'})));
  auto table = builder.build();
  EXPECT_TRUE(table.ok());
  return *table;
}

}  // namespace vipgate::testing
