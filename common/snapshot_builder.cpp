#include "common/snapshot_builder.h"

#include <algorithm>
#include <cassert>
#include <tuple>
#include <utility>

#include "common/address_tables.h"
#include "common/dns_table_builder.h"
#include "common/maglev.h"

namespace vipgate {
namespace {

// No RealId has it, so a flow that holds the id of a real that is gone finds nothing.
constexpr uint16_t kNoGeneration = UINT16_MAX;
static_assert(kNoGeneration > RealId::kMaxGeneration);

// A real, and the index of its service.
struct RealSlot {
  const RealSpec* real = nullptr;
  uint32_t service = kNone;
};

uint32_t pages_for(uint32_t slots) { return (slots + kPageSize - 1) / kPageSize; }

// Those that accept flows, in an order that all gateways share.
std::vector<const RealSpec*> live_reals(const ServiceSpec& service) {
  std::vector<const RealSpec*> live;
  for (const RealSpec& real : service.reals) {
    if (real.state == RealState::kUp && real.weight != 0) live.push_back(&real);
  }
  const auto is_before = [](const RealSpec* a, const RealSpec* b) {
    return std::tie(a->address, a->port) < std::tie(b->address, b->port);
  };
  if (!std::is_sorted(live.begin(), live.end(), is_before)) {
    std::sort(live.begin(), live.end(), is_before);
  }
  return live;
}

RingKey key_of(std::span<const RealSpec* const> live, uint32_t rows) {
  RingKey key{.rows = rows, .reals = {}};
  key.reals.reserve(live.size());
  for (const RealSpec* real : live) key.reals.push_back({real->address, real->port, real->weight});
  return key;
}

ServiceEntry entry_of(const ServiceSpec& spec, const ServiceRing* ring) {
  return ServiceEntry{.rows = ring == nullptr ? nullptr : ring->rows->data(),
                      .reals = ring == nullptr ? nullptr : ring->reals.data(),
                      .row_count = ring == nullptr ? 0 : static_cast<uint32_t>(ring->rows->size()),
                      .index = spec.index,
                      .flow_id = spec.flow_id,
                      .snat_first = spec.snat_first,
                      .snat_count = spec.snat_count,
                      .timeouts = spec.timeouts,
                      .port = Be16(spec.port),
                      .protocol = spec.protocol,
                      .mode = spec.mode,
                      .no_real = spec.no_real};
}

RealEntry blank_real() {
  RealEntry entry;
  entry.generation = kNoGeneration;
  return entry;
}

RealEntry entry_of(const RealSlot& slot, const std::vector<PortEntry>& ports) {
  if (slot.real == nullptr) return blank_real();
  const RealSpec& real = *slot.real;
  const PortEntry port = real.out_port < ports.size() ? ports[real.out_port] : PortEntry{};
  return RealEntry{.next_hop_mac = real.resolved ? real.next_hop : MacAddress{},
                   .port_mac = port.mac,
                   .vlan = Be16(port.vlan),
                   .generation = static_cast<uint16_t>(real.id.generation()),
                   .service = slot.service,
                   .out_port = real.out_port,
                   .state = real.state,
                   .next_hop_resolved = real.resolved,
                   .port = Be16(real.port),
                   .address = real.address,
                   .weight = real.weight,
                   .return_flow_id = real.return_flow_id};
}

// What the snapshot before has in this place, or the blank page, if either is equal; else a new
// one.
template <class Page, class IsEqual, class Fill>
std::shared_ptr<const Page> page_for(const std::vector<std::shared_ptr<const Page>>* previous,
                                     size_t at, const std::shared_ptr<const Page>& blank,
                                     const IsEqual& is_equal, const Fill& fill, size_t& built,
                                     size_t& shared) {
  if (previous != nullptr && at < previous->size() && is_equal(*(*previous)[at])) {
    ++shared;
    return (*previous)[at];
  }
  if (is_equal(*blank)) {
    ++shared;
    return blank;
  }
  ++built;
  auto page = std::make_shared<Page>();
  fill(*page);
  return page;
}

}  // namespace

SnapshotBuilder::SnapshotBuilder(RingRunner runner)
    : tables_(std::move(runner)), blank_services_(std::make_shared<ServicePage>()) {
  auto reals = std::make_shared<RealPage>();
  reals->entries.fill(blank_real());
  blank_reals_ = std::move(reals);
  // Nothing was added, so nothing can be wrong.
  empty_dns_ = std::move(DnsTableBuilder(DnsHashSecret{}).build(nullptr)).value();
}

std::shared_ptr<const Snapshot> SnapshotBuilder::build(const SnapshotSpec& spec) {
  stats_ = {};
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = spec.generation;
  snapshot->ports = spec.ports;
  snapshot->snat_addresses = spec.snat_addresses;
  snapshot->dns = spec.dns != nullptr ? spec.dns : empty_dns_;
  fill_address_tables(spec, *snapshot);
  make_service_pages(spec, make_rings(spec), *snapshot);
  make_real_pages(spec, *snapshot);
  previous_ = snapshot;
  return snapshot;
}

// A service whose reals and rows are those of the snapshot before keeps its ring without a search.
std::shared_ptr<const ServiceRing> SnapshotBuilder::unchanged_ring(
    const ServiceSpec& service, std::span<const RealSpec* const> live, uint32_t rows) const {
  if (previous_ == nullptr || service.index / kPageSize >= previous_->service_pages.size()) {
    return nullptr;
  }
  const auto& ring = previous_->service_info(service.index).ring;
  if (ring == nullptr || ring->rows->size() != rows || ring->reals.size() != live.size()) {
    return nullptr;
  }
  for (size_t i = 0; i < live.size(); ++i) {
    if (ring->reals[i] != live[i]->id) return nullptr;
    const RealEntry* real = previous_->real(live[i]->id);
    if (real == nullptr || real->weight != live[i]->weight || real->address != live[i]->address ||
        real->port != Be16(live[i]->port)) {
      return nullptr;
    }
  }
  return ring;
}

SnapshotBuilder::Rings SnapshotBuilder::make_rings(const SnapshotSpec& spec) {
  Rings rings(spec.services.size());
  std::vector<RingKey> keys;
  std::vector<std::pair<size_t, std::shared_ptr<ServiceRing>>> changed;  // as `keys`
  for (size_t i = 0; i < spec.services.size(); ++i) {
    const ServiceSpec& service = spec.services[i];
    const std::vector<const RealSpec*> live = live_reals(service);
    if (live.empty()) continue;
    const uint32_t rows =
        service.maglev_rows != 0 ? service.maglev_rows : maglev_rows_auto(live.size());
    rings[i] = unchanged_ring(service, live, rows);
    if (rings[i] != nullptr) {
      ++stats_.rings_shared;
      continue;
    }
    auto ring = std::make_shared<ServiceRing>();
    for (const RealSpec* real : live) ring->reals.push_back(real->id);
    keys.push_back(key_of(live, rows));
    changed.emplace_back(i, std::move(ring));
  }
  const auto tables = tables_.get(keys, stats_.rings_built);
  for (size_t k = 0; k < tables.size(); ++k) {
    changed[k].second->rows = tables[k];
    rings[changed[k].first] = std::move(changed[k].second);
  }
  stats_.rings_shared += keys.size() - stats_.rings_built;
  return rings;
}

void SnapshotBuilder::make_service_pages(const SnapshotSpec& spec, const Rings& rings,
                                         Snapshot& snapshot) {
  const uint32_t pages = pages_for(spec.service_slots);
  // Position in spec.services, by slot.
  std::vector<uint32_t> slots(size_t{pages} * kPageSize, kNone);
  for (uint32_t i = 0; i < spec.services.size(); ++i) {
    assert(spec.services[i].index < spec.service_slots);
    slots[spec.services[i].index] = i;
  }
  for (uint32_t page = 0; page < pages; ++page) {
    const uint32_t* here = slots.data() + size_t{page} * kPageSize;
    const auto entry = [&](uint32_t at) {
      return here[at] == kNone ? ServiceEntry{}
                               : entry_of(spec.services[here[at]], rings[here[at]].get());
    };
    const auto is_equal = [&](const ServicePage& old) {
      for (uint32_t at = 0; at < kPageSize; ++at) {
        if (!(old.entries[at] == entry(at))) return false;
        if (here[at] == kNone) continue;
        const ServiceSpec& service = spec.services[here[at]];
        const ServiceInfo& info = old.info[at];
        if (info.vip != service.vip || info.name != service.name || info.fqdn != service.fqdn ||
            info.ring != rings[here[at]]) {
          return false;
        }
      }
      return true;
    };
    const auto fill = [&](ServicePage& built) {
      for (uint32_t at = 0; at < kPageSize; ++at) {
        if (here[at] == kNone) continue;
        const ServiceSpec& service = spec.services[here[at]];
        built.entries[at] = entry(at);
        built.info[at] = {service.name, service.fqdn, service.vip, rings[here[at]]};
      }
    };
    auto made = page_for(previous_ ? &previous_->service_pages : nullptr, page, blank_services_,
                         is_equal, fill, stats_.service_pages_built, stats_.service_pages_shared);
    snapshot.services.push_back(made->entries.data());
    snapshot.service_pages.push_back(std::move(made));
  }
}

void SnapshotBuilder::make_real_pages(const SnapshotSpec& spec, Snapshot& snapshot) {
  const uint32_t pages = pages_for(spec.real_slots);
  std::vector<RealSlot> slots(size_t{pages} * kPageSize);
  for (const ServiceSpec& service : spec.services) {
    for (const RealSpec& real : service.reals) {
      assert(real.id.index() < spec.real_slots);
      slots[real.id.index()] = {&real, service.index};
    }
  }
  for (uint32_t page = 0; page < pages; ++page) {
    const RealSlot* here = slots.data() + size_t{page} * kPageSize;
    const auto is_equal = [&](const RealPage& old) {
      for (uint32_t at = 0; at < kPageSize; ++at) {
        if (!(old.entries[at] == entry_of(here[at], spec.ports))) return false;
      }
      return true;
    };
    const auto fill = [&](RealPage& built) {
      for (uint32_t at = 0; at < kPageSize; ++at) {
        built.entries[at] = entry_of(here[at], spec.ports);
      }
    };
    auto made = page_for(previous_ ? &previous_->real_pages : nullptr, page, blank_reals_, is_equal,
                         fill, stats_.real_pages_built, stats_.real_pages_shared);
    snapshot.reals.push_back(made->entries.data());
    snapshot.real_pages.push_back(std::move(made));
  }
}

}  // namespace vipgate
