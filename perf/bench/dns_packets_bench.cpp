// What one DNS question costs in Pipeline::process, without I/O, with and without a limit of the
// replies' rate: bursts of 64 questions for random names, from so many client networks.
// `as_perf_dns` is the load of perf/dns: names without and with an OPT record in turn, 70 % of the
// questions for addresses, 20 % for SRV records, 10 % for names that are not there, and checksums
// that no device has looked at. `cached`: names of others, whose answers a resolver gave before;
// `cached_and_searched`: of clients with a search list, too.
// `cookies…`: each question has a cookie that was given to its client.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/dns_table_builder.h"
#include "dataplane/fastpath/pipeline.h"
#include "dataplane/worker_memory.h"
#include "perf/bench/packet_setup.h"
#include "perf/bench/report_packets.h"

namespace vipgate {
namespace {

constexpr size_t kNames = 2000;
constexpr size_t kQuestions = 1 << 16;
constexpr size_t kStride = 512;
constexpr size_t kHeadroom = 128;
constexpr uint32_t kServer = 0x0a090035;
constexpr size_t kBytes = 160;  // that are copied of a question

enum class Limit { kOff, kWithin, kBeyond };
// kOwn: as kAddresses, of clients that may ask for others' names, too.
enum class Load { kAddresses, kMixed, kOwn, kCached, kSearched, kCookies };

const SipKey kSecret{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

Ipv4Address client_of(uint32_t network) { return Ipv4Address{Be32(0x01000001 + network * 256)}; }

std::string wire(const std::string& text) { return dns_name_from_text(text).value(); }
std::string bench_name(size_t i) {
  return wire("app-" + std::to_string(i) + ".marathon.l4lb.thisdcos.directory");
}
// Of the same length.
std::string other_name(size_t i) {
  return wire("app-" + std::to_string(i) + ".marathon.l4lb.thisdcos.elsewhere");
}
std::string service_name(size_t i) {
  return wire("_app-" + std::to_string(i) + "._tcp.marathon.l4lb.thisdcos.directory");
}
std::string absent_name(size_t i) {
  return wire("no-" + std::to_string(i) + ".marathon.l4lb.thisdcos.directory");
}

std::shared_ptr<const Snapshot> make_dns_snapshot(Limit limit, Load load) {
  SnapshotSpec spec;
  spec.generation = 1;
  spec.ports = {{.mac = kMac, .vlan = 0, .kernel = false, .check_mac = true}};
  spec.dns_listen = {Ipv4Address{Be32(kServer)}};
  DnsTableBuilder builder(DnsHashSecret{});
  const DnsSoa soa{.mname = wire("ns1.mesos"), .rname = wire("ns1.mesos"), .minimum_s = 5};
  if (!builder.set_zones({{wire("l4lb.thisdcos.directory"), soa, 5}})) return nullptr;
  for (size_t i = 0; i < kNames; ++i) {
    const Be32 address(static_cast<uint32_t>(i));
    const std::string_view data(reinterpret_cast<const char*>(&address), sizeof address);
    if (!builder.add({bench_name(i), DnsType::kA, 5, data})) return nullptr;
    const std::string service = std::string("\0\0\0\1\0\x50", 6) + bench_name(i);
    if (!builder.add({service_name(i), DnsType::kSrv, 5, service})) return nullptr;
  }
  spec.dns = builder.build().value();
  if (load == Load::kOwn || load == Load::kCached || load == Load::kSearched) {
    DnsForwarding& forwarding = spec.dns_policy.forwarding;
    forwarding.is_on = true;
    const std::array all = {IpPrefix{Ipv4Address{}, 0}};
    forwarding.clients = PrefixSet(all);
    forwarding.zones = {{std::string(1, '\0'), {}}};
  }
  if (load == Load::kSearched) {
    DnsSearch& search = spec.dns_policy.search;
    search.lists = {{wire("marathon.mesos"), wire("cluster.example"), wire("corp.example")}};
    const std::array all = {PrefixValue{IpPrefix{Ipv4Address{}, 0}, uint16_t{0}}};
    search.clients4 = PrefixValues<Ipv4Address>(all);
  }
  if (load == Load::kCookies) spec.dns_policy.cookie_secrets = {kSecret};
  if (limit != Limit::kOff) {
    DnsRateRules rules;
    rules.responses_per_s = rules.errors_per_s = limit == Limit::kWithin ? 1'000'000 : 1;
    rules.slip = 2;
    spec.dns_policy.rate_limit = DnsRateLimit(rules);
  }
  return SnapshotBuilder().build(spec);
}

// A resolver's answer for each of the others' names: one address.
void fill_cache(DnsCache& cache, uint64_t now_ns) {
  const std::string body("\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x0a\1\2\3", 16);
  DnsUpstreamAnswer answer;
  answer.kind = DnsUpstreamAnswer::Kind::kAnswer;
  answer.answers = 1;
  answer.body_length = static_cast<uint16_t>(body.size());
  answer.ttl_s = 3600;
  answer.ttl_count = 1;
  answer.ttls[0] = {6, answer.ttl_s};
  const DnsNameHash hash{DnsHashSecret{}};
  for (size_t i = 0; i < kNames; ++i) {
    const std::string name = other_name(i);
    const std::string padded = name + std::string(3, '\0');
    DnsFoldedName folded;
    dns_fold_name(reinterpret_cast<const uint8_t*>(padded.data()), name.size(), folded);
    cache.store(DnsQuestion::of(hash(folded, name.size()), folded, name.size(), DnsType::kA, 0),
                reinterpret_cast<const uint8_t*>(body.data()), answer, now_ns);
  }
}

std::string make_message(const std::string& name, DnsType type, bool has_opt) {
  std::string message("\x12\x34\x01\0\0\1\0\0\0\0\0\0", 12);
  message += name + std::string{0, static_cast<char>(type), 0, 1};
  if (!has_opt) return message;
  message[11] = 1;
  return message + std::string("\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
}

// The same with the cookie of a second ago of the client, alone in the OPT record.
std::string with_cookie(std::string message, Ipv4Address client) {
  DnsCookie cookie{1, 2, 3, 4, 5, 6, 7, 8};
  dns_make_cookie(kSecret, {reinterpret_cast<const uint8_t*>(&client), sizeof client}, 0, cookie);
  message.back() = 28;
  message += {0, 10, 0, 24};
  return message.append(cookie.begin(), cookie.end());
}

std::string make_message(Load load, size_t number, std::mt19937& random) {
  const size_t name = random() % kNames;
  if (load == Load::kAddresses || load == Load::kOwn || load == Load::kCookies)
    return make_message(bench_name(name), DnsType::kA, true);
  if (load == Load::kCached || load == Load::kSearched)
    return make_message(other_name(name), DnsType::kA, true);
  const bool has_opt = number % 2 == 0;
  const auto share = random() % 10;
  if (share < 7) return make_message(bench_name(name), DnsType::kA, has_opt);
  if (share < 9) return make_message(service_name(name), DnsType::kSrv, has_opt);
  return make_message(absent_name(name), DnsType::kA, has_opt);
}

// A UDP datagram; without a checksum, which is legal over IPv4, unless the load has them.
std::vector<uint8_t> make_question(const std::string& message, Load load, uint32_t network,
                                   uint16_t port) {
  struct {
    EthernetHeader ethernet;
    Ipv4Header ip;
    UdpHeader udp;
  } headers{};
  const auto udp_length = static_cast<uint16_t>(sizeof(UdpHeader) + message.size());
  headers.ethernet = {kMac, kMac, Be16(kEtherTypeIpv4)};
  headers.ip.version_ihl = 0x45;
  headers.ip.total_length = Be16(static_cast<uint16_t>(sizeof(Ipv4Header) + udp_length));
  headers.ip.ttl = 64;
  headers.ip.protocol = kProtocolUdp;
  headers.ip.source = client_of(network);
  headers.ip.destination = Ipv4Address{Be32(kServer)};
  headers.ip.checksum = Be16::from_raw(internet_checksum(&headers.ip, sizeof headers.ip));
  headers.udp = {Be16(port), Be16(53), Be16(udp_length), Be16{}};
  std::vector<uint8_t> frame(sizeof headers + message.size());
  std::memcpy(frame.data(), &headers, sizeof headers);
  std::memcpy(frame.data() + sizeof headers, message.data(), message.size());
  if (load == Load::kMixed) {
    uint8_t* udp = frame.data() + offsetof(decltype(headers), udp);
    const uint16_t checksum = tcp_udp_checksum(headers.ip, udp, udp_length);
    std::memcpy(udp + offsetof(UdpHeader, checksum), &checksum, sizeof checksum);
  }
  return frame;
}

void questions(benchmark::State& state, Limit limit, bool is_copy_only,
               Load load = Load::kAddresses) {
  const auto networks = static_cast<uint32_t>(state.range(0));
  const auto snapshot = make_dns_snapshot(limit, load);
  if (snapshot == nullptr) return state.SkipWithError("no table");
  WorkerMemory memory({.sizes = {.services = 1, .reals = 1}, .snat = {}, .secret = {{1, 2, 3, 4}}});
  NoObserver observer;
  const PipelineOptions options = memory.pipeline_options();
  const auto pipeline = std::make_unique<Pipeline<>>(options, observer);
  uint64_t now_ns = 1'000'000'000;
  if (load == Load::kCached || load == Load::kSearched)
    fill_cache(options.forwarder->cache(), now_ns);
  std::vector<uint8_t> packets(kQuestions * kBytes);
  std::vector<uint16_t> lengths;
  std::mt19937 random(1);
  for (size_t i = 0; i < kQuestions; ++i) {
    std::string message = make_message(load, i, random);
    const auto network = static_cast<uint32_t>(random() % networks);
    if (load == Load::kCookies) message = with_cookie(message, client_of(network));
    const auto frame =
        make_question(message, load, network, static_cast<uint16_t>(1024 + random() % 60'000));
    std::memcpy(&packets[i * kBytes], frame.data(), frame.size());
    lengths.push_back(static_cast<uint16_t>(frame.size()));
  }
  std::vector<uint8_t> buffers(kBurst * kStride);
  std::vector<rte_mbuf> mbufs(kBurst);
  rte_mbuf* pointers[kBurst];
  for (size_t i = 0; i < kBurst; ++i) {
    std::memset(static_cast<void*>(&mbufs[i]), 0, sizeof mbufs[i]);
    mbufs[i].buf_addr = &buffers[i * kStride];
    mbufs[i].buf_len = kStride;
    mbufs[i].nb_segs = 1;
    pointers[i] = &mbufs[i];
  }
  const uint64_t told = load == Load::kMixed
                            ? uint64_t{0}
                            : RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_GOOD;
  Outbox outbox;
  size_t next = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i) {
      std::memcpy(&buffers[i * kStride + kHeadroom], &packets[(next + i) * kBytes], kBytes);
      mbufs[i].data_off = kHeadroom;
      mbufs[i].data_len = lengths[next + i];
      mbufs[i].pkt_len = lengths[next + i];
      mbufs[i].ol_flags = told;
    }
    if (!is_copy_only) {
      pipeline->process(*snapshot, pointers, kBurst, 0, false, Now::from_ns(now_ns), outbox);
      const auto forget = [](size_t, rte_mbuf**, uint32_t) {};
      outbox.transmit.flush(forget);
      outbox.drop.flush(forget);
    }
    benchmark::ClobberMemory();
    next = (next + kBurst) % kQuestions;
    now_ns += kBurst * 100;  // ten million a second
  }
  report_packets(state, static_cast<int64_t>(state.iterations() * kBurst));
  const WorkerCounters& counters = memory.counters();
  const auto asked = static_cast<double>(state.iterations() * kBurst);
  state.counters["dropped"] =
      static_cast<double>(counters.value(DropReason::kDnsRateLimited)) / asked;
  state.counters["cached"] = static_cast<double>(counters.value(DnsOutcome::kCached)) / asked;
}

BENCHMARK_CAPTURE(questions, copy_only, Limit::kOff, true)->Arg(16);
BENCHMARK_CAPTURE(questions, unlimited, Limit::kOff, false)->Arg(16)->Arg(4096);
BENCHMARK_CAPTURE(questions, as_perf_dns, Limit::kOff, false, Load::kMixed)->Arg(4096);
BENCHMARK_CAPTURE(questions, own_beside_others, Limit::kOff, false, Load::kOwn)->Arg(4096);
BENCHMARK_CAPTURE(questions, cached, Limit::kOff, false, Load::kCached)->Arg(16)->Arg(4096);
BENCHMARK_CAPTURE(questions, cached_and_searched, Limit::kOff, false, Load::kSearched)->Arg(4096);
BENCHMARK_CAPTURE(questions, within_the_limit, Limit::kWithin, false)->Arg(16)->Arg(4096);
BENCHMARK_CAPTURE(questions, cookies_within_the_limit, Limit::kWithin, false, Load::kCookies)
    ->Arg(16)
    ->Arg(4096);
BENCHMARK_CAPTURE(questions, beyond_the_limit, Limit::kBeyond, false)->Arg(16);

}  // namespace
}  // namespace vipgate
