// The second half of the builder: from names and records to shards, of which as many as possible
// are those of the table before.
#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "common/dns_shard_builder.h"
#include "common/dns_table_builder.h"
#include "common/prefetch.h"

namespace vipgate {
namespace {

// A change costs its shards, and every table the list of them: this balances the two.
constexpr size_t kNamesPerShard = 128;
constexpr int kMaxShardBits = 16;
// From here on, which is some 25,000 names, shards lie in huge pages: fewer would not fill them.
constexpr int kPagedShardBits = 8;

bool is_equal(const DnsShard& a, const DnsShard& b) {
  return a.names == b.names && a.memory.bytes() == b.memory.bytes() &&
         a.buckets.size() == b.buckets.size() &&
         std::memcmp(a.memory.data(), b.memory.data(), a.memory.bytes()) == 0;
}

bool have_same_names(const std::vector<DnsZone>& a, const std::vector<DnsZone>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const DnsZone& x, const DnsZone& y) { return x.name == y.name; });
}

}  // namespace

// Deals the names out to 2^shard_bits shards, which are all to be built anew.
void DnsTableBuilder::lay_out(int shard_bits) {
  shard_bits_ = shard_bits;
  is_dirty_.assign(shard_count(), true);
  cut_.clear();
}

Result<std::shared_ptr<const DnsTable>> DnsTableBuilder::build() { return build(last_.get()); }

Result<std::shared_ptr<const DnsTable>> DnsTableBuilder::build(const DnsTable* previous) {
  update_wildcards();
  const bool is_last = previous == last_.get();
  if (!is_last) is_dirty_.assign(shard_count(), true);
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
  table->shards_.reserve(shard_count());
  table->views_.reserve(shard_count());
  if (shard_bits_ >= kPagedShardBits && pages_ == nullptr) pages_ = std::make_shared<PagePool>();
  DnsShardBuilder shard_builder(store_, shard_bits_ >= kPagedShardBits ? pages_ : nullptr);
  std::vector<Id> names;
  std::vector<DnsRecordStore::Place> places;
  for (size_t i = 0; i < shard_count(); ++i) {
    std::shared_ptr<const DnsShard> shard;
    if (is_dirty_[i]) {
      names_of_shard(i, names);
      shard = build_shard(i, names, shard_builder);
      shard_builder.append_places(names, places);
      if (may_share && is_equal(*shard, *previous->shards_[i])) shard = previous->shards_[i];
    } else {
      shard = previous->shards_[i];
    }
    table->views_.push_back({shard->buckets.data(), shard->units.data(), shard->buckets.size()});
    table->names_ += shard->names;
    table->shards_.push_back(std::move(shard));
  }
  is_dirty_.assign(shard_count(), false);
  last_ = table;
  // Only now, as names are read from the table before until all shards are built.
  store_.keep_texts_in(last_, places);
  return last_;
}

// Those that lie in a zone.
void DnsTableBuilder::names_of_shard(size_t shard, std::vector<Id>& names) const {
  names.clear();
  store_.names_of(shard, shard_bits_, names);
  for (const Id id : names) prefetch_line(&store_.name(id));
  std::erase_if(names, [this](Id id) { return store_.name(id).zone == kNoZone; });
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
