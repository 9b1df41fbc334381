// The second half of the builder: from names and records to shards, of which as many as possible
// are those of the table before.
#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "common/dns_shard_builder.h"
#include "common/dns_table_builder.h"

namespace vipgate {
namespace {

// A change costs its shards, and every table the list of them: this balances the two.
constexpr size_t kNamesPerShard = 128;
constexpr int kMaxShardBits = 16;

bool is_equal(const DnsShard& a, const DnsShard& b) {
  const auto are_same_octets = [](const auto& x, const auto& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(x[0])) == 0;
  };
  return a.names == b.names && are_same_octets(a.buckets, b.buckets) &&
         are_same_octets(a.units, b.units);
}

bool have_same_names(const std::vector<DnsZone>& a, const std::vector<DnsZone>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const DnsZone& x, const DnsZone& y) { return x.name == y.name; });
}

}  // namespace

// Deals the names out to 2^shard_bits shards, which are all to be built anew.
void DnsTableBuilder::lay_out(int shard_bits) {
  shard_bits_ = shard_bits;
  shards_.assign(size_t{1} << shard_bits, DnsRecordStore::kNone);
  is_dirty_.assign(shards_.size(), true);
  cut_.clear();
  for (Id id = 0; id < store_.name_limit(); ++id) {
    DnsRecordStore::Name& name = store_.name(id);
    if (name.length == 0) continue;
    Id& first = shards_[shard_of(name.hash)];
    name.previous = DnsRecordStore::kNone;
    name.next = first;
    if (first != DnsRecordStore::kNone) store_.name(first).previous = id;
    first = id;
  }
}

Result<std::shared_ptr<const DnsTable>> DnsTableBuilder::build() { return build(last_.get()); }

Result<std::shared_ptr<const DnsTable>> DnsTableBuilder::build(const DnsTable* previous) {
  update_wildcards();
  const bool is_last = previous == last_.get();
  if (!is_last) is_dirty_.assign(shards_.size(), true);
  if (previous != nullptr && !(previous->secret() == hash_.secret())) previous = nullptr;
  // Keeps the previous number while it is within a factor of two of the ideal, so that a few names
  // more or less never rebuild everything.
  const int kept = previous != nullptr ? previous->shard_bits_ : shard_bits_;
  const int ideal = std::min(
      kMaxShardBits, static_cast<int>(std::bit_width(store_.name_count() / kNamesPerShard)));
  const int bits = std::abs(kept - ideal) <= 1 && previous != nullptr ? kept : ideal;
  if (bits != shard_bits_) lay_out(bits);
  // An entry knows its zone by number: entries of tables with other zones are not interchangeable.
  const bool may_share = previous != nullptr && previous->shard_bits_ == shard_bits_ &&
                         have_same_names(*previous->zones_, *zones_);

  std::shared_ptr<DnsTable> table(new DnsTable(hash_.secret()));
  table->shard_bits_ = shard_bits_;
  table->zones_ = zones_;
  table->shards_.reserve(shards_.size());
  table->views_.reserve(shards_.size());
  DnsShardBuilder shard_builder(store_);
  const auto dirty = static_cast<size_t>(std::count(is_dirty_.begin(), is_dirty_.end(), true));
  std::vector<Id> dealt;
  std::vector<size_t> ends;
  const bool is_bulk = 2 * dirty > shards_.size();
  if (is_bulk) deal_out(dealt, ends);
  std::vector<Id> names;
  for (size_t i = 0; i < shards_.size(); ++i) {
    std::shared_ptr<const DnsShard> shard;
    if (is_dirty_[i]) {
      std::span<Id> of_shard;
      if (is_bulk) {
        const size_t begin = i == 0 ? 0 : ends[i - 1];
        of_shard = std::span(dealt).subspan(begin, ends[i] - begin);
      } else {
        names.clear();
        for (Id id = shards_[i]; id != DnsRecordStore::kNone; id = store_.name(id).next) {
          if (store_.name(id).zone != kNoZone) names.push_back(id);
        }
        of_shard = names;
      }
      shard = build_shard(i, of_shard, shard_builder);
      if (may_share && is_equal(*shard, *previous->shards_[i])) shard = previous->shards_[i];
    } else {
      shard = previous->shards_[i];
    }
    table->views_.push_back({shard->buckets.data(), shard->units.data(), shard->buckets.size()});
    table->names_ += shard->names;
    table->shards_.push_back(std::move(shard));
  }
  is_dirty_.assign(shards_.size(), false);
  last_ = table;
  return last_;
}

// The names of all shards, shard by shard; `ends`: where those of each end. Two passes over all
// names as they lie in memory, where following each shard's list would wait for the memory at each
// name.
void DnsTableBuilder::deal_out(std::vector<Id>& names, std::vector<size_t>& ends) const {
  const auto is_served = [](const DnsRecordStore::Name& name) {
    return name.length != 0 && name.zone != kNoZone;
  };
  ends.assign(shards_.size() + 1, 0);
  for (Id id = 0; id < store_.name_limit(); ++id) {
    const DnsRecordStore::Name& name = store_.name(id);
    if (is_served(name)) ++ends[shard_of(name.hash) + 1];
  }
  for (size_t i = 1; i < ends.size(); ++i) ends[i] += ends[i - 1];
  names.resize(ends.back());
  // What is where a shard begins moves to where it ends.
  for (Id id = 0; id < store_.name_limit(); ++id) {
    const DnsRecordStore::Name& name = store_.name(id);
    if (is_served(name)) names[ends[shard_of(name.hash)]++] = id;
  }
}

std::shared_ptr<const DnsShard> DnsTableBuilder::build_shard(size_t shard, std::span<Id> names,
                                                             DnsShardBuilder& builder) {
  auto built = builder.build(names, [this](Id id) {
    const DnsRecordStore::Name& name = store_.name(id);
    return name.length == specs_[name.zone].name.size();
  });
  cut_.erase(shard);
  for (const DnsShardBuilder::Cut& cut : builder.cuts()) {
    cut_[shard].push_back(
        {std::string(store_.text(store_.name(cut.name))), cut.type, cut.records, cut.served});
  }
  return built;
}

std::vector<DnsCutRrset> DnsTableBuilder::cut_rrsets() const {
  std::vector<DnsCutRrset> all;
  for (const auto& [shard, cuts] : cut_) all.insert(all.end(), cuts.begin(), cuts.end());
  return all;
}

}  // namespace vipgate
