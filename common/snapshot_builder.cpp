#include "common/snapshot_builder.h"

#include <algorithm>
#include <cassert>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "common/dns_table_builder.h"
#include "common/dns_views.h"
#include "common/hash.h"
#include "common/live_reals.h"
#include "common/maglev.h"
#include "common/snapshot_entries.h"

namespace vipgate {
namespace {

uint32_t pages_for(uint32_t slots) { return (slots + kPageSize - 1) / kPageSize; }

RingKey key_of(std::span<const RealSpec* const> live, uint32_t rows) {
  RingKey key{.rows = rows, .reals = {}};
  key.reals.reserve(live.size());
  for (const RealSpec* real : live) key.reals.push_back({real->address, real->port, real->weight});
  return key;
}

bool has_nat_returns(const ServiceSpec& service) {
  return std::any_of(service.reals.begin(), service.reals.end(),
                     [](const RealSpec& real) { return real.return_flow_id != 0; });
}

// Writes into pages that are shared with the snapshot before: copies one when it is first written.
template <class Page>
class PageWriter {
 public:
  explicit PageWriter(std::vector<std::shared_ptr<const Page>>& pages) : pages_(pages) {}

  const Page& page(uint32_t index) const { return *pages_[index / kPageSize]; }
  Page& writable(uint32_t index) {
    const uint32_t at = index / kPageSize;
    Page*& copy = copies_[at];
    if (copy == nullptr) {
      auto page = make_paged<Page>(*pages_[at]);
      copy = page.get();
      pages_[at] = std::move(page);
    }
    return *copy;
  }
  size_t copies() const { return copies_.size(); }

 private:
  std::vector<std::shared_ptr<const Page>>& pages_;
  std::unordered_map<uint32_t, Page*> copies_;
};

RingRunner one_after_the_other() {
  return [](size_t count, const std::function<void(size_t)>& job) {
    for (size_t i = 0; i < count; ++i) job(i);
  };
}

}  // namespace

SnapshotBuilder::SnapshotBuilder(RingRunner runner)
    : runner_(runner ? std::move(runner) : one_after_the_other()),
      tables_(runner_),
      blank_services_(make_paged<ServicePage>()),
      blank_tunnels_(make_paged<TunnelPage>()) {
  auto reals = make_paged<RealPage>();
  reals->entries.fill(blank_real());
  blank_reals_ = std::move(reals);
  // Nothing was added, so nothing can be wrong.
  dns_policy_ = std::make_shared<const DnsPolicy>();
  empty_dns_ = std::move(DnsTableBuilder(DnsHashSecret{}).build(nullptr)).value();
}

bool SnapshotBuilder::set_frame(const SnapshotFrame& frame) {
  if (frame == frame_) return false;
  const DnsPolicy before = std::exchange(frame_.dns_policy, frame.dns_policy);
  if (before != frame.dns_policy) {
    DnsPolicy policy = frame.dns_policy;
    policy.forwarding.epoch = DnsForwarding::epoch_of(policy.forwarding);
    dns_policy_ = std::make_shared<const DnsPolicy>(std::move(policy));
  }
  // Where resolvers are changes often, and nothing else with it.
  const auto sources_of = [](const DnsPolicy& policy) {
    const DnsForwarding& forwarding = policy.forwarding;
    return std::tuple(forwarding.is_on, forwarding.sources4, forwarding.sources6);
  };
  if (frame == frame_ && sources_of(before) == sources_of(frame.dns_policy)) return true;
  frame_ = frame;
  frame_changed_ = true;
  addresses_.set_frame(frame);
  return true;
}

std::shared_ptr<const Snapshot> SnapshotBuilder::build(const SnapshotSpec& spec) {
  set_frame(spec);
  SnapshotUpdate update{.generation = spec.generation,
                        .dns = spec.dns,
                        .dns_views = spec.dns_views,
                        .changed = spec.services,
                        .removed = {},
                        .service_slots = spec.service_slots,
                        .real_slots = spec.real_slots,
                        .transit_ports = spec.transit_ports};
  std::vector<bool> stays(services_.size());
  for (const ServiceSpec& service : spec.services) {
    if (service.index < stays.size()) stays[service.index] = true;
  }
  for (uint32_t index = 0; index < services_.size(); ++index) {
    if (!stays[index] && services_[index] != nullptr) update.removed.push_back(index);
  }
  return this->update(std::move(update));
}

std::shared_ptr<const Snapshot> SnapshotBuilder::update(SnapshotUpdate update) {
  stats_ = {};
  auto snapshot = std::make_shared<Snapshot>();
  if (previous_ != nullptr) {
    snapshot->service_pages = previous_->service_pages;
    snapshot->real_pages = previous_->real_pages;
    snapshot->tunnel_pages = previous_->tunnel_pages;
    snapshot->rows_checksum = previous_->rows_checksum;
  }
  snapshot->service_pages.resize(pages_for(update.service_slots), blank_services_);
  snapshot->real_pages.resize(pages_for(update.real_slots), blank_reals_);
  snapshot->tunnel_pages.resize(pages_for(update.real_slots), blank_tunnels_);
  snapshot->generation = update.generation;
  snapshot->ports = frame_.ports;
  snapshot->snat_addresses = frame_.snat_addresses;
  snapshot->unserved_port = frame_.unserved_port;
  snapshot->kernel_rates = frame_.kernel_rates;
  snapshot->transit = {update.transit_ports, frame_.transit_to_kernel};
  snapshot->dns_policy = dns_policy_;
  snapshot->dns = update.dns != nullptr ? update.dns : empty_dns_;
  snapshot->dns_views = update.dns_views;
  add_borrowers(update);
  Rings rings = make_rings(update.changed);
  lend_rings(update, rings);
  write_reals(update, *snapshot);
  write_services(update, rings, make_moves(update.changed, rings, *snapshot), *snapshot);
  write_tunnels(update, *snapshot);
  take_over(update);
  snapshot->nat_return_owner = nat_return_owner();
  addresses_.fill(*snapshot);
  for (const auto& page : snapshot->service_pages) {
    snapshot->services.push_back(page->entries.data());
  }
  for (const auto& page : snapshot->real_pages) snapshot->reals.push_back(page->entries.data());
  for (const auto& page : snapshot->tunnel_pages) {
    snapshot->tunnels.push_back(page->entries.data());
  }
  frame_changed_ = false;
  previous_ = snapshot;
  return snapshot;
}

// A service whose reals and rows are those of the snapshot before keeps its ring.
std::shared_ptr<const ServiceRing> SnapshotBuilder::unchanged_ring(
    const ServiceSpec& service, std::span<const RealSpec* const> live, uint32_t rows) const {
  const ServiceSpec* before = known(service.index);
  if (before == nullptr) return nullptr;
  const auto& ring = previous_->service_info(service.index).ring;
  if (ring == nullptr || ring->rows->size() != rows) return nullptr;
  const auto is_same = [](const RealSpec* a, const RealSpec* b) {
    return a->id == b->id && a->weight == b->weight && a->address == b->address &&
           a->port == b->port;
  };
  const std::vector<const RealSpec*> old = live_reals(*before);
  return std::equal(live.begin(), live.end(), old.begin(), old.end(), is_same) ? ring : nullptr;
}

SnapshotBuilder::Rings SnapshotBuilder::make_rings(const std::vector<ServiceSpec>& changed) {
  Rings rings(changed.size());
  std::vector<RingKey> keys;
  std::vector<std::pair<size_t, std::shared_ptr<ServiceRing>>> made;  // as `keys`
  for (size_t i = 0; i < changed.size(); ++i) {
    const ServiceSpec& service = changed[i];
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
    made.emplace_back(i, std::move(ring));
  }
  const auto tables = tables_.get(keys, stats_.rings_built);
  for (size_t k = 0; k < tables.size(); ++k) {
    made[k].second->rows = tables[k].rows;
    made[k].second->checksum = tables[k].checksum;
    rings[made[k].first] = std::move(made[k].second);
  }
  stats_.rings_shared += keys.size() - stats_.rings_built;
  return rings;
}

void SnapshotBuilder::write_services(const SnapshotUpdate& update, const Rings& rings,
                                     const std::vector<Moves>& moves, Snapshot& snapshot) {
  PageWriter<ServicePage> pages(snapshot.service_pages);
  const auto write = [&](uint32_t index, const ServiceEntry& entry, const ServiceInfo& info) {
    const ServicePage& old = pages.page(index);
    const uint32_t at = index % kPageSize;
    if (old.entries[at] == entry && old.info[at] == info) return;
    ServicePage& page = pages.writable(index);
    snapshot.rows_checksum +=
        checksum_of(entry, info) - checksum_of(page.entries[at], page.info[at]);
    page.entries[at] = entry;
    page.info[at] = info;
  };
  for (const uint32_t index : update.removed) {
    if (index / kPageSize < snapshot.service_pages.size())
      write(index, ServiceEntry{}, ServiceInfo{});
  }
  for (size_t i = 0; i < update.changed.size(); ++i) {
    const ServiceSpec& service = update.changed[i];
    assert(service.index < update.service_slots);
    const auto rules = admission(service);
    const auto by_quic_id = quic_reals(service);
    write(service.index,
          entry_of(service, rings[i].get(), moves[i].previous_counts, rules.get(),
                   by_quic_id != nullptr),
          {service.name, service.fqdn, service.vip, service.extent, rings[i], moves[i].previous,
           moves[i].moving, rules, by_quic_id});
  }
  stats_.service_pages_built = pages.copies();
  stats_.service_pages_shared = snapshot.service_pages.size() - pages.copies();
}

void SnapshotBuilder::write_reals(const SnapshotUpdate& update, Snapshot& snapshot) {
  RealWrites writes;
  const auto blank = [&](const ServiceSpec* service) {
    if (service == nullptr) return;
    for (const RealSpec& real : service->reals) {
      if (real.id.index() / kPageSize < snapshot.real_pages.size()) {
        writes.emplace_back(real.id.index(), blank_real());
      }
    }
  };
  const auto fill = [&](const ServiceSpec& service) {
    for (const RealSpec& real : service.reals) {
      assert(real.id.index() < update.real_slots);
      writes.emplace_back(real.id.index(), entry_of(real, service.index, frame_.ports));
    }
  };
  // What a port is stands in every real's entry.
  if (frame_changed_) {
    for (const auto& service : services_) {
      if (service != nullptr) fill(*service);
    }
  }
  for (const uint32_t index : update.removed) blank(known(index));
  for (const ServiceSpec& service : update.changed) blank(known(service.index));
  for (const ServiceSpec& service : update.changed) fill(service);
  // Services that are all new have their reals' numbers in order.
  const auto is_before = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (!std::is_sorted(writes.begin(), writes.end(), is_before)) {
    std::stable_sort(writes.begin(), writes.end(), is_before);
  }

  PageWriter<RealPage> pages(snapshot.real_pages);
  for (size_t i = 0; i < writes.size(); ++i) {
    const auto& [index, entry] = writes[i];
    if (i + 1 < writes.size() && writes[i + 1].first == index) continue;
    if (pages.page(index).entries[index % kPageSize] == entry) continue;
    pages.writable(index).entries[index % kPageSize] = entry;
  }
  stats_.real_pages_built = pages.copies();
  stats_.real_pages_shared = snapshot.real_pages.size() - pages.copies();
}

// What a real that is gone, or is none of a tunnel, had stays, but that it is up: nothing reads it.
void SnapshotBuilder::write_tunnels(const SnapshotUpdate& update, Snapshot& snapshot) {
  PageWriter<TunnelPage> pages(snapshot.tunnel_pages);
  // Those of the service as it was that are not, or not as the same, among `reals`.
  const auto take_down = [&](const ServiceSpec* service, std::span<const RealSpec> reals) {
    if (service == nullptr || !is_tunnel(service->mode)) return;
    for (size_t i = 0; i < service->reals.size(); ++i) {
      const RealId id = service->reals[i].id;
      // Mostly each has kept its place.
      if (i < reals.size() && reals[i].id == id) continue;
      const uint32_t at = id.index() % kPageSize;
      if (id.index() / kPageSize >= snapshot.tunnel_pages.size()) continue;
      if (pages.page(id.index()).entries[at].up_generation == TunnelHeader::kNobody) continue;
      pages.writable(id.index()).entries[at].up_generation = TunnelHeader::kNobody;
    }
  };
  const auto fill = [&](const ServiceSpec& service) {
    if (!is_tunnel(service.mode)) return;
    for (const RealSpec& real : service.reals) {
      const uint32_t index = real.id.index();
      const TunnelHeader tunnel = tunnel_of(real, service, frame_.ports);
      if (pages.page(index).entries[index % kPageSize] == tunnel) continue;
      pages.writable(index).entries[index % kPageSize] = tunnel;
    }
  };
  // What a port is stands in every header.
  if (frame_changed_) {
    for (const auto& service : services_) {
      if (service != nullptr) fill(*service);
    }
  }
  for (const uint32_t index : update.removed) take_down(known(index), {});
  for (const ServiceSpec& service : update.changed) {
    take_down(known(service.index),
              is_tunnel(service.mode) ? std::span(service.reals) : std::span<const RealSpec>());
  }
  for (const ServiceSpec& service : update.changed) fill(service);
}

NatReturnOwner SnapshotBuilder::nat_return_owner() const {
  if (nat_services_with_affinity_ == 0) return NatReturnOwner::kClientPort;
  return nat_services_without_ == 0 ? NatReturnOwner::kClient : NatReturnOwner::kEither;
}

void SnapshotBuilder::take_over(SnapshotUpdate& update) {
  const auto count_of = [&](const ServiceSpec& service) -> size_t& {
    return service.admission.affinity_s != 0 ? nat_services_with_affinity_ : nat_services_without_;
  };
  const auto forget = [&](uint32_t index) {
    if (known(index) == nullptr) return;
    addresses_.remove(*services_[index]);
    if (has_nat_returns(*services_[index])) --count_of(*services_[index]);
    if (const auto lender = borrowers_.find(services_[index]->fallback);
        lender != borrowers_.end()) {
      lender->second.erase(index);
      if (lender->second.empty()) borrowers_.erase(lender);
    }
    services_[index] = nullptr;
  };
  for (const uint32_t index : update.removed) forget(index);
  for (const ServiceSpec& service : update.changed) forget(service.index);
  if (services_.size() < update.service_slots) services_.resize(update.service_slots);
  for (ServiceSpec& service : update.changed) {
    addresses_.add(service);
    if (has_nat_returns(service)) ++count_of(service);
    const uint32_t index = service.index;
    if (service.fallback != kNone) borrowers_[service.fallback].insert(index);
    services_[index] = std::make_unique<const ServiceSpec>(std::move(service));
  }
}

}  // namespace vipgate
