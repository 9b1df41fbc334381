// A FlowStore with memory of its own, for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/fastpath/flow_store.h"
#include "dataplane/worker_memory.h"
#include "tests/support/test_net.h"

namespace vipgate::test {

template <class Address>
Address client_address(uint32_t n) {
  Address address{};
  const Be32 value(0x01000000 + n);
  std::memcpy(reinterpret_cast<uint8_t*>(&address) + sizeof(Address) - 4, &value, 4);
  return address;
}

// What tells a real's packets of one `fullnat` flow from those of another.
struct SnatTuple {
  std::vector<uint8_t> bytes;
  template <class Address>
  explicit SnatTuple(const NatRecord<Address>& record) {
    const auto put = [&](const auto& field) {
      const auto* begin = reinterpret_cast<const uint8_t*>(&field);
      bytes.insert(bytes.end(), begin, begin + sizeof field);
    };
    put(record.source);
    put(record.source_port);
    put(record.real);
    put(record.real_port);
    put(record.protocol);
  }
  friend auto operator<=>(const SnatTuple&, const SnatTuple&) = default;
};

// A store of its own memory, with the services of net_spec().
template <class Address>
struct StoreUnderTest {
  static constexpr int kFamily = sizeof(Address) == 4 ? 4 : 6;
  static constexpr uint32_t kReals = 1000;
  using Record = NatRecord<Address>;
  using Key = typename FlowStore<Address>::Key;

  explicit StoreUnderTest(size_t flows, uint32_t snat_ports = 5000)
      : StoreUnderTest(flows, make_spec(snat_ports)) {}
  StoreUnderTest(size_t flows, SnapshotSpec of_spec)
      : spec(std::move(of_spec)),
        snapshot(SnapshotBuilder().build(spec)),
        memory({.sizes = {.flows = flows, .reals = kReals},
                .snat = spec.snat_addresses,
                .secret = {{5, 6, 7, 8}}}),
        options(memory.pipeline_options()),
        parts(pick(options)),
        store(parts, {{5, 6, 7, 8}}, memory.counters()) {}

  static SnapshotSpec make_spec(uint32_t snat_ports) {
    SnapshotSpec spec = net_spec();
    for (auto& snat : spec.snat_addresses) {
      snat.port_high = static_cast<uint16_t>(snat.port_low + snat_ports - 1);
    }
    return spec;
  }
  static const FlowStoreMemory<Address>& pick(const PipelineOptions& options) {
    if constexpr (kFamily == 4) {
      return options.flows4;
    } else {
      return options.flows6;
    }
  }

  const ServiceEntry& service(Mode mode, Protocol protocol) const {
    return snapshot->service(ServiceCase{mode, kFamily, protocol}.index());
  }
  Record* create(const ServiceEntry& service, uint32_t client, uint16_t port, uint32_t real = 0) {
    const RealId id = service.reals[real];
    const NewFlow<Address> flow{.client = client_address<Address>(client),
                                .vip = {},
                                .client_port = Be16(port),
                                .vip_port = service.port,
                                .client_mac = {},
                                .client_tci = {}};
    const uint64_t hash = store.table().hash(key(service, client, port));
    return store.create(service, id, *snapshot->real(id), *snapshot, flow, hash, now, reason);
  }
  static Key key(const ServiceEntry& service, uint32_t client, uint16_t port) {
    return Key::of(client_address<Address>(client), Be16(port), service.flow_id);
  }
  // Where a packet that answers to the record's flow looks for it.
  Record& return_record(const Record& record) {
    return store.return_record(
        snat_hash(record.real, record.source, static_cast<uint8_t>(record.protocol)),
        snat_ports_word(record.real_port, record.source_port));
  }
  Record* find(const Key& key) {
    const auto* entry = store.table().find(key, store.table().hash(key));
    return entry == nullptr ? nullptr : &store.record(entry->value);
  }
  // Flows without a record are those of one service more.
  static Key bare_key(uint32_t client, uint16_t port) {
    return Key::of(client_address<Address>(client), Be16(port), 4000);
  }
  bool track(uint32_t client, uint16_t port, RealId real) {
    const Key key = bare_key(client, port);
    return store.track(key, store.table().hash(key), real, FlowState::kEmbryonic,
                       deadline_after(now.quarter, 40), now);
  }
  typename FlowStore<Address>::Entry* find_bare(uint32_t client, uint16_t port) {
    const Key key = bare_key(client, port);
    return store.table().find(key, store.table().hash(key));
  }
  template <class Visit>
  void for_each_bare(Visit&& visit) {
    for (auto& bucket : parts.buckets) {
      for (auto& entry : bucket.entries) {
        if (entry.state != FlowState::kFree && entry.names_real()) visit(entry);
      }
    }
  }
  void pass_seconds(double seconds, uint64_t step_ms = 50) {
    const uint64_t end = now.ns + static_cast<uint64_t>(seconds * 1e9);
    while (now.ns < end) {
      now = Now::from_ns(std::min(end, now.ns + step_ms * 1'000'000));
      store.advance(now);
    }
  }
  uint64_t count(Event event) const { return memory.counters().value(event); }

  // A live record has its forward entry and, for `nat`, its return entry; all others name a real,
  // and each is found by its key. What is told of how full the tables are is so. A real's flows are
  // those that name it.
  void check_invariant() {
    size_t entries = 0;
    std::vector<uint64_t> flows(kReals);
    for_each_bare([&](auto& entry) {
      ++flows[entry.real().index()];
      ASSERT_EQ(store.table().find(entry.key, store.table().hash(entry.key)), &entry);
      ++entries;
    });
    std::set<SnatTuple> sources;
    size_t nat_records = 0;
    for (uint32_t i = 0; i < parts.records.size(); ++i) {
      Record& record = store.record(i);
      if (record.state == FlowState::kFree) continue;
      ++flows[record.real_id.index()];
      ASSERT_EQ(find(Key::of(record.client, record.client_port, record.flow_id)), &record);
      ++entries;
      if (record.return_flow_id != 0) {
        ASSERT_EQ(find(Key::of(record.client, record.client_port, record.return_flow_id)), &record);
        ++entries;
        ++nat_records;
      } else {
        ASSERT_EQ(&return_record(record), &record);
        ASSERT_TRUE(sources.insert(SnatTuple(record)).second);
      }
    }
    ASSERT_EQ(entries, store.table().size());
    WorkerDetails::Family levels;
    store.tell_levels(levels);
    ASSERT_EQ(levels.flows.value(), entries);
    ASSERT_EQ(levels.nat_records.value(), nat_records);
    ASSERT_EQ(levels.snat_records.value(), sources.size());
    for (uint32_t i = 0; i < kReals; ++i) ASSERT_EQ(memory.reals()[i].flows.value(), flows[i]) << i;
  }

  SnapshotSpec spec;
  std::shared_ptr<const Snapshot> snapshot;
  WorkerMemory memory;
  PipelineOptions options;
  FlowStoreMemory<Address> parts;
  FlowStore<Address> store;
  Now now = Now::from_ns(16'380'000'000'000);
  DropReason reason = DropReason::kCount;
};

// Which families a typed test is run for.
using Families = testing::Types<Ipv4Address, Ipv6Address>;
class FamilyName {
 public:
  template <class Address>
  static std::string GetName(int) {
    return sizeof(Address) == 4 ? "Ipv4" : "Ipv6";
  }
};

}  // namespace vipgate::test
