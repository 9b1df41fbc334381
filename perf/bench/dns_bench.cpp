// What one DNS query costs, without I/O: bursts of 32 queries for random names of the table.
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/dns_table_builder.h"
#include "dataplane/fastpath/dns_responder.h"
#include "perf/bench/report_packets.h"

namespace vipgate {
namespace {

constexpr size_t kBurst = 32;
constexpr size_t kQueries = 1 << 16;
constexpr size_t kStride = 128;  // a packet's distance from the next

enum class Ask { kHit, kMiss, kSrv };
// What stands in the additional section: nothing, an OPT record, one with a client cookie, or one
// with a cookie that is good.
enum class Edns { kNone, kPlain, kClientCookie, kGoodCookie };
// kCopyOnly is what the bench itself costs, to be subtracted.
enum class Mode { kStaged, kOneByOne, kCopyOnly };

std::string service_name(size_t i) { return "app-" + std::to_string(i) + ".marathon"; }

// Names app-I.marathon.l4lb.thisdcos.directory, each with an address and an SRV record that points
// at the name itself.
std::shared_ptr<const DnsTable> make_table(size_t names, bool with_srv) {
  const std::string zone = *dns_name_from_text("l4lb.thisdcos.directory");
  const std::string mname = *dns_name_from_text("ns1.mesos");
  DnsTableBuilder builder(DnsHashSecret{});
  bool is_good = builder.set_zones({{zone, {mname, mname, 1, 60, 600, 86400, 5}, 5}}).ok();
  for (size_t i = 0; i < names; ++i) {
    auto name = dns_name_from_text(service_name(i) + ".l4lb.thisdcos.directory");
    const Be32 address(static_cast<uint32_t>(i));
    is_good &=
        builder
            .add({*name, DnsType::kA, 5, {reinterpret_cast<const char*>(&address), sizeof address}})
            .ok();
    if (with_srv) {
      const std::string rdata = std::string("\0\0\0\1\0\x50", 6) + *name;
      is_good &= builder.add({*name, DnsType::kSrv, 5, rdata}).ok();
    }
  }
  auto table = builder.build();
  return is_good && table.ok() ? *table : nullptr;
}

constexpr uint8_t kClient[] = {192, 0, 2, 1};
constexpr uint32_t kUnixS = 1559731985;
const SipKey kSecret{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

std::string edns_of(Edns edns) {
  if (edns == Edns::kNone) return "";
  const std::string opt("\0\0\x29\x04\xd0\0\0\0\0", 9);
  if (edns == Edns::kPlain) return opt + std::string(2, '\0');
  DnsCookie cookie{1, 2, 3, 4, 5, 6, 7, 8};
  dns_make_cookie(kSecret, {kClient, sizeof kClient}, kUnixS - 60, cookie);
  const size_t length = edns == Edns::kGoodCookie ? kDnsWholeCookie : kDnsClientCookie;
  const std::string head{0, static_cast<char>(length + 4), 0, 10, 0, static_cast<char>(length)};
  return opt + head + std::string(cookie.begin(), cookie.begin() + length);
}

std::string make_query(size_t name, Ask ask, Edns edns) {
  const std::string label = ask == Ask::kMiss ? "no" + std::to_string(name) : service_name(name);
  auto wire = dns_name_from_text(label + ".l4lb.thisdcos.directory");
  std::string query("\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
  if (edns != Edns::kNone) query[11] = 1;
  query += *wire;
  query += {0, static_cast<char>(ask == Ask::kSrv ? 33 : 1), 0, 1};
  return query + edns_of(edns);
}

// Bursts of queries in a random order; what is measured is process().
class Bench {
 public:
  Bench(std::shared_ptr<const DnsTable> table, size_t names, Ask ask, Edns edns)
      : table_(std::move(table)), packets_(kQueries * kStride) {
    policy_.cookie_secrets = {kSecret};
    std::mt19937_64 random(1);
    for (size_t i = 0; i < kQueries; ++i) {
      const std::string query = make_query(random() % names, ask, edns);
      std::memcpy(&packets_[i * kStride], query.data(), query.size());
      lengths_.push_back(static_cast<uint16_t>(query.size()));
    }
  }

  // The stand-in for the NIC: every query is fresh, since replies are written over it.
  void receive() {
    next_ = (next_ + kBurst) % kQueries;
    for (size_t i = 0; i < kBurst; ++i) {
      std::memcpy(buffers_[i].data(), &packets_[(next_ + i) * kStride], kStride);
    }
  }
  [[gnu::noinline]] void process(Mode mode) {
    const DnsContext context{*table_, policy_, uint64_t{kUnixS} * 1'000'000'000};
    if (mode == Mode::kStaged) {
      for (size_t i = 0; i < kBurst; ++i) dns_parse(context, query(i), parsed_[i]);
      dns_prefetch_all(context, parsed_);
      for (size_t i = 0; i < kBurst; ++i) {
        octets_ += dns_answer(context, parsed_[i], ++rotation_).length;
      }
    } else if (mode == Mode::kOneByOne) {
      for (size_t i = 0; i < kBurst; ++i) {
        octets_ += dns_respond(context, query(i), ++rotation_).length;
      }
    }
  }
  uint64_t octets() const { return octets_; }

 private:
  DnsQuery query(size_t i) {
    return {.message = buffers_[i].data(),
            .length = lengths_[next_ + i],
            .capacity = 512,
            .source_port = Be16(40000),
            .client = kClient,
            .client_length = sizeof kClient};
  }

  std::shared_ptr<const DnsTable> table_;
  DnsPolicy policy_;
  std::vector<uint8_t> packets_;
  std::vector<uint16_t> lengths_;
  std::array<std::array<uint8_t, 512>, kBurst> buffers_{};
  std::array<DnsParsed, kBurst> parsed_;
  size_t next_ = 0;
  uint32_t rotation_ = 0;
  uint64_t octets_ = 0;
};

void queries_in_bursts(benchmark::State& state, Ask ask, Mode mode, Edns edns = Edns::kPlain) {
  const auto names = static_cast<size_t>(state.range(0));
  const auto table = make_table(names, ask == Ask::kSrv);
  const auto bench = std::make_unique<Bench>(table, names, ask, edns);
  for (auto _ : state) {
    bench->receive();
    bench->process(mode);
    benchmark::ClobberMemory();
  }
  benchmark::DoNotOptimize(bench->octets());
  report_packets(state, static_cast<int64_t>(state.iterations() * kBurst));
  state.counters["bytes_per_name"] =
      static_cast<double>(table->memory_bytes()) / static_cast<double>(table->size());
}

BENCHMARK_CAPTURE(queries_in_bursts, copy_only, Ask::kHit, Mode::kCopyOnly)->Arg(2000);
BENCHMARK_CAPTURE(queries_in_bursts, hit_without_edns, Ask::kHit, Mode::kStaged, Edns::kNone)
    ->Arg(2000);
BENCHMARK_CAPTURE(queries_in_bursts, hit_client_cookie, Ask::kHit, Mode::kStaged,
                  Edns::kClientCookie)
    ->Arg(2000);
BENCHMARK_CAPTURE(queries_in_bursts, hit_good_cookie, Ask::kHit, Mode::kStaged, Edns::kGoodCookie)
    ->Arg(2000);
BENCHMARK_CAPTURE(queries_in_bursts, hit_staged, Ask::kHit, Mode::kStaged)
    ->Arg(1)
    ->Arg(1000)
    ->Arg(2000)
    ->Arg(1000000);
BENCHMARK_CAPTURE(queries_in_bursts, srv_staged, Ask::kSrv, Mode::kStaged)->Arg(2000)->Arg(1000000);
BENCHMARK_CAPTURE(queries_in_bursts, hit_one_by_one, Ask::kHit, Mode::kOneByOne)
    ->Arg(2000)
    ->Arg(1000000);
BENCHMARK_CAPTURE(queries_in_bursts, nxdomain_staged, Ask::kMiss, Mode::kStaged)
    ->Arg(2000)
    ->Arg(1000000);

}  // namespace
}  // namespace vipgate
