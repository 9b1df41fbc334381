#include "common/maglev.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <queue>
#include <utility>

#include "common/hash.h"

namespace vipgate {
namespace {

using hash_detail::mix64;

// How many rows of a walk are looked at together.
constexpr size_t kNarrowWindow = 4;
constexpr size_t kWideWindow = 8;

// A real's walk through the rows: offset, offset + skip, … modulo rows, which is a permutation as
// rows is prime and 0 < skip < rows.
struct Walk {
  uint32_t next;
  std::array<uint32_t, kWideWindow + 1> skips;  // 0, 1, 2, … times the skip, modulo rows
  uint16_t index;                               // of the caller
  uint32_t inverse = 0;                         // of the skip; 0: not computed yet
};

// Reals of equal weight take turns together: the k-th turn (from 1) at virtual time (2k-1)/weight.
// That time does not depend on the other reals, so a change of one leaves the order of the others'
// turns as it was.
struct WeightClass {
  uint64_t weight;
  uint64_t turn;  // 2k-1
  size_t begin;   // its walks
  size_t end;
};

struct LaterTurn {
  bool operator()(const WeightClass& a, const WeightClass& b) const {
    // turn / weight compared exactly: below 2^21 times 2^32.
    const uint64_t left = a.turn * b.weight;
    const uint64_t right = b.turn * a.weight;
    return left != right ? left > right : a.weight < b.weight;
  }
};

// Whose turn it is.
class TurnOrder {
 public:
  void add_class(const WeightClass& weight_class) { classes_.push(weight_class); }

  // Index of the walk that moves next. REQUIRES: there is a class.
  size_t next() {
    if (at_ == current_.end) next_class();
    return at_++;
  }

 private:
  void next_class() {
    if (current_.end != 0 && classes_.empty()) {  // all weights are equal: no turns to compare
      at_ = current_.begin;
      return;
    }
    if (current_.end != 0) {
      current_.turn += 2;
      classes_.push(current_);
    }
    current_ = classes_.top();
    classes_.pop();
    at_ = current_.begin;
  }

  std::priority_queue<WeightClass, std::vector<WeightClass>, LaterTurn> classes_;
  WeightClass current_{};
  size_t at_ = 0;
};

// Which rows are taken. Each row has two places, `rows` apart, so that the sum of two rows can be
// looked up as it is, without taking it modulo `rows`.
// An octet for a row is looked up fastest, as long as all of them lie in the first cache.
class OctetSet {
 public:
  explicit OctetSet(uint32_t rows) : rows_(rows), octets_(size_t{2} * rows) {}
  unsigned contains(uint32_t row) const { return octets_[row]; }
  void insert(uint32_t row) { octets_[row] = octets_[row + rows_] = 1; }

 private:
  uint32_t rows_;
  std::vector<uint8_t> octets_;
};

// Bits, for tables of many rows: 65,537 are probed within 16 KB.
class BitSet {
 public:
  explicit BitSet(uint32_t rows) : rows_(rows), words_(rows / 32 + 1) {}
  unsigned contains(uint32_t row) const {
    return static_cast<unsigned>(words_[row / 64] >> (row % 64) & 1);
  }
  void insert(uint32_t row) {
    set(row);
    set(row + rows_);
  }

 private:
  void set(uint32_t row) { words_[row / 64] |= uint64_t{1} << (row % 64); }

  uint32_t rows_;
  std::vector<uint64_t> words_;
};
constexpr uint32_t kMostOctets = 12'000;

// The number x with x * value = 1 modulo the prime (extended Euclid). REQUIRES: 0 < value < prime.
uint32_t modular_inverse(uint32_t value, uint32_t prime) {
  int64_t remainder = prime;
  int64_t next_remainder = value;
  int64_t factor = 0;
  int64_t next_factor = 1;
  while (next_remainder != 0) {
    const int64_t quotient = remainder / next_remainder;
    remainder = std::exchange(next_remainder, remainder - quotient * next_remainder);
    factor = std::exchange(next_factor, factor - quotient * next_factor);
  }
  return static_cast<uint32_t>(factor < 0 ? factor + prime : factor);
}

// Where `row` comes to by `skip` further steps' worth of rows. The sum less `rows` wraps around,
// and is the greater one, where the sum is below `rows`: a conditional move, not a branch that
// would be mispredicted half of the times.
uint32_t advance(uint32_t row, uint32_t skip, uint32_t rows) {
  const uint32_t sum = row + skip;
  return std::min(sum, sum - rows);
}

// Moves the walk to the first row that is not taken. Looks at several rows at a time without a
// branch: while the table is not yet crowded, one is free nearly always, and the branch is
// predicted.
template <size_t kWindow, class RowSet>
void step_to_free_row(Walk& walk, const RowSet& taken, uint32_t rows) {
  const auto& skips = walk.skips;
  uint32_t row = walk.next;
  while (true) {
    unsigned taken_mask = 0;
#pragma GCC unroll 8
    for (size_t i = 0; i < kWindow; ++i) taken_mask |= taken.contains(row + skips[i]) << i;
    if (taken_mask != (1u << kWindow) - 1) {
      walk.next = advance(row, skips[static_cast<size_t>(std::countr_one(taken_mask))], rows);
      return;
    }
    row = advance(row, skips[kWindow], rows);
  }
}

// x % divisor by a multiplication, where x times the divisor is below 2^64 (Granlund, Montgomery).
class Modulo {
 public:
  explicit Modulo(uint32_t divisor) : divisor_(divisor), inverse_(~uint64_t{0} / divisor + 1) {}
  uint64_t operator()(uint64_t x) const {
    __extension__ using Wide = unsigned __int128;
    return x - static_cast<uint64_t>(Wide{x} * inverse_ >> 64) * divisor_;
  }

 private:
  uint64_t divisor_;
  uint64_t inverse_;
};
static_assert(uint64_t{2} * kMaglevRowsMax * kMaglevRowsMax < UINT64_MAX / kMaglevRowsMax);

// Position in `free_rows` of the row that the walk reaches first: the same as by stepping, found
// without the steps, which are about rows / free_rows.size() many.
size_t first_reached(Walk& walk, const std::vector<uint32_t>& free_rows, const Modulo& modulo,
                     uint32_t rows) {
  if (walk.inverse == 0) walk.inverse = modular_inverse(walk.skips[1], rows);
  size_t nearest = 0;
  uint64_t fewest_steps = rows;
  for (size_t i = 0; i < free_rows.size(); ++i) {
    const uint64_t distance = free_rows[i] + rows - walk.next;
    const uint64_t steps = modulo(distance * walk.inverse);
    if (steps < fewest_steps) {
      fewest_steps = steps;
      nearest = i;
    }
  }
  return nearest;
}

// The caller's indices of the reals with a weight, ordered by weight class, then by id.
std::vector<uint16_t> order_of_turns(std::span<const MaglevReal> reals) {
  std::vector<uint16_t> order;
  order.reserve(reals.size());
  for (size_t i = 0; i < reals.size(); ++i) {
    if (reals[i].weight != 0) order.push_back(static_cast<uint16_t>(i));
  }
  std::sort(order.begin(), order.end(), [&](uint16_t a, uint16_t b) {
    if (reals[a].weight != reals[b].weight) return reals[a].weight > reals[b].weight;
    return reals[a].id_hash < reals[b].id_hash;
  });
  return order;
}

Walk make_walk(const MaglevReal& real, uint16_t index, uint32_t rows) {
  const auto offset_hash = static_cast<uint32_t>(mix64(real.id_hash + 0x452821e638d01377) >> 32);
  const auto skip_hash = static_cast<uint32_t>(mix64(real.id_hash + 0xbe5466cf34e90c6c) >> 32);
  Walk walk{scale(offset_hash, rows), {}, index};
  const uint32_t skip = 1 + scale(skip_hash, rows - 1);
  for (size_t i = 1; i < walk.skips.size(); ++i) {
    walk.skips[i] = advance(walk.skips[i - 1], skip, rows);
  }
  return walk;
}

// Fills the table in turns. REQUIRES: there are walks, and a weight class for each of them.
template <class RowSet>
MaglevRows fill_table(std::vector<Walk>& walks, TurnOrder& turns, uint32_t rows) {
  MaglevRows table(rows);
  RowSet taken(rows);
  // Most steps would go into the last few rows: from this many on they are computed instead.
  size_t free_count = rows;
  const auto take_row = [&](Walk& walk) {
    taken.insert(walk.next);
    table[walk.next] = walk.index;
    --free_count;
  };
  while (2 * free_count > rows) {
    Walk& walk = walks[turns.next()];
    step_to_free_row<kNarrowWindow>(walk, taken, rows);
    take_row(walk);
  }
  while (4 * free_count * free_count > rows) {
    Walk& walk = walks[turns.next()];
    step_to_free_row<kWideWindow>(walk, taken, rows);
    take_row(walk);
  }
  std::vector<uint32_t> free_rows;
  for (uint32_t row = 0; row < rows; ++row) {
    if (!taken.contains(row)) free_rows.push_back(row);
  }
  const Modulo modulo(rows);
  while (!free_rows.empty()) {
    Walk& walk = walks[turns.next()];
    uint32_t& row = free_rows[first_reached(walk, free_rows, modulo, rows)];
    walk.next = row;
    table[row] = walk.index;
    row = free_rows.back();
    free_rows.pop_back();
  }
  return table;
}

// Checksums: rows in turn belong to one of several polynomials modulo 2^64, whose multiplications
// do not wait for each other.
constexpr size_t kChecksumLanes = 4;
constexpr uint64_t kChecksumFactor = 0xd1342543de82ef95;
using ChecksumLanes = std::array<uint64_t, kChecksumLanes>;

uint64_t join_lanes(const ChecksumLanes& lanes, size_t rows) {
  uint64_t sum = rows;
  for (const uint64_t lane : lanes) sum = mix64(sum + lane);
  return sum;
}

}  // namespace

uint64_t maglev_id(const IpAddress& address, uint16_t port) {
  const uint8_t* bytes = address.bytes().data();
  uint64_t hash = mix64(static_cast<uint64_t>(address.family()) << 16 | port);
  hash = mix64(hash + hash_detail::load_big_endian(bytes));
  return mix64(hash + hash_detail::load_big_endian(bytes + 8));
}

MaglevRows maglev_build(std::span<const MaglevReal> reals, uint32_t rows) {
  assert(reals.size() <= kMaglevRealsMax);
  assert(rows >= 2 && rows <= kMaglevRowsMax);
  const std::vector<uint16_t> order = order_of_turns(reals);
  if (order.empty()) return {};
  if (order.size() == 1) return MaglevRows(rows, order[0]);

  std::vector<Walk> walks;
  walks.reserve(order.size());
  TurnOrder turns;
  for (size_t i = 0, begin = 0; i < order.size(); ++i) {
    const MaglevReal& real = reals[order[i]];
    walks.push_back(make_walk(real, order[i], rows));
    const bool last_of_class = i + 1 == order.size() || reals[order[i + 1]].weight != real.weight;
    if (!last_of_class) continue;
    turns.add_class(WeightClass{real.weight, 1, begin, i + 1});
    begin = i + 1;
  }

  return rows <= kMostOctets ? fill_table<OctetSet>(walks, turns, rows)
                             : fill_table<BitSet>(walks, turns, rows);
}

uint32_t maglev_rows_auto(size_t reals) {
  if (reals <= 32) return 4093;
  if (reals <= 512) return 65537;
  return 655373;
}

bool maglev_rows_valid(uint32_t rows) {
  if (rows < kMaglevRowsMin || rows > kMaglevRowsMax || rows % 2 == 0) return false;
  for (uint32_t divisor = 3; divisor * divisor <= rows; divisor += 2) {
    if (rows % divisor == 0) return false;
  }
  return true;
}

uint64_t maglev_checksum(std::span<const uint16_t> table, std::span<const MaglevReal> reals) {
  ChecksumLanes lanes{};
  size_t row = 0;
  for (; row + kChecksumLanes <= table.size(); row += kChecksumLanes) {
#pragma GCC unroll 4  // so that the lanes are registers
    for (size_t i = 0; i < kChecksumLanes; ++i) {
      lanes[i] = lanes[i] * kChecksumFactor + reals[table[row + i]].id_hash;
    }
  }
  for (size_t i = 0; row + i < table.size(); ++i) {
    lanes[i] = lanes[i] * kChecksumFactor + reals[table[row + i]].id_hash;
  }
  return join_lanes(lanes, table.size());
}

uint64_t maglev_checksum_of_one(uint64_t id_hash, uint32_t rows) {
  ChecksumLanes lanes{};
  for (size_t i = 0; i < kChecksumLanes; ++i) {
    // The step x → factor·x + id, taken as often as the lane has rows: doubled bit by bit.
    uint64_t factor = kChecksumFactor;
    uint64_t added = id_hash;
    size_t steps = rows / kChecksumLanes + (i < rows % kChecksumLanes ? 1 : 0);
    for (; steps != 0; steps /= 2) {
      if (steps % 2 != 0) lanes[i] = lanes[i] * factor + added;
      added += added * factor;
      factor *= factor;
    }
  }
  return join_lanes(lanes, rows);
}

}  // namespace vipgate
