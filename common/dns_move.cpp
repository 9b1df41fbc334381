#include "common/dns_move.h"

#include <bitset>
#include <cstring>

#include "common/byte_order.h"
#include "common/dns_wire.h"

namespace vipgate {
namespace {

constexpr uint8_t kMovedPointer = 0xc0;
constexpr size_t kFarthestPointedTo = 0x3fff;

class Mover {
 public:
  Mover(std::span<uint8_t> records, size_t name_length, const DnsPlace& to)
      : records_(records), name_length_(name_length), to_(to) {}

  size_t at() const { return at_; }
  void skip(size_t octets) { at_ += octets; }
  uint16_t u16(size_t at) const { return load<Be16>(records_.data() + at).host(); }

  // Moves the pointer of the name that stands here, and goes behind it. False: it is no name.
  bool move_name(size_t end) {
    while (at_ < end) {
      if (at_ < labels_.size()) labels_[at_] = true;
      const uint8_t label = records_[at_];
      if (label >= kMovedPointer) {
        at_ += 2;
        return at_ <= end && move_pointer(at_ - 2);
      }
      if (label > kDnsMaxLabel) return false;
      at_ += label + size_t{1};
      if (label == 0) return at_ <= end;
    }
    return false;
  }

 private:
  bool move_pointer(size_t at) {
    const size_t before = u16(at) & kFarthestPointedTo;
    const size_t question_end = kDnsHeaderLength + name_length_ + 4;
    size_t now;
    if (before >= question_end) {
      // To where a name stands, and nowhere else: other octets may be pointers, which change.
      if (before - question_end >= at || !labels_[before - question_end]) return false;
      now = before - question_end + to_.records;
    } else if (before >= kDnsHeaderLength && before < kDnsHeaderLength + name_length_) {
      now = before - kDnsHeaderLength + to_.name;
    } else {
      return false;
    }
    if (now > kFarthestPointedTo) return false;
    const Be16 pointer(static_cast<uint16_t>(kMovedPointer << 8 | now));
    std::memcpy(records_.data() + at, &pointer, sizeof pointer);
    return true;
  }

  std::span<uint8_t> records_;
  size_t name_length_;
  DnsPlace to_;
  size_t at_ = 0;
  std::bitset<kFarthestPointedTo + 1> labels_;  // where labels, and pointers behind them, begin
};

// Which names the data of a record holds that may end in pointers: so many behind `before` octets.
struct Names {
  uint8_t before = 0;
  uint8_t count = 0;
};

// Those that RFC 1035 defines, and those that RFC 3597 4 has receivers decompress.
Names names_of(uint16_t type) {
  constexpr uint16_t kRp = 17, kAfsdb = 18, kRt = 21;
  switch (type) {
    case static_cast<uint16_t>(DnsType::kNs):
    case static_cast<uint16_t>(DnsType::kCname):
    case static_cast<uint16_t>(DnsType::kPtr):
    case static_cast<uint16_t>(DnsType::kDname):
      return {0, 1};
    case static_cast<uint16_t>(DnsType::kMx):
    case kAfsdb:
    case kRt:
      return {2, 1};
    case static_cast<uint16_t>(DnsType::kSrv):
      return {6, 1};
    case static_cast<uint16_t>(DnsType::kSoa):
    case kRp:
      return {0, 2};
    default:
      return {};
  }
}

}  // namespace

bool dns_move_records(std::span<uint8_t> records, size_t count, size_t name_length,
                      const DnsPlace& to) {
  constexpr size_t kFixed = 10;  // type, class, TTL, length
  Mover mover(records, name_length, to);
  for (; count != 0; --count) {
    if (!mover.move_name(records.size())) return false;
    if (records.size() - mover.at() < kFixed) return false;
    const Names names = names_of(mover.u16(mover.at()));
    const size_t data_length = mover.u16(mover.at() + kFixed - 2);
    mover.skip(kFixed);
    if (records.size() - mover.at() < data_length) return false;
    const size_t end = mover.at() + data_length;
    if (names.count != 0) mover.skip(names.before);
    for (uint8_t i = 0; i < names.count; ++i) {
      if (!mover.move_name(end)) return false;
    }
    mover.skip(end - mover.at());
  }
  return mover.at() == records.size();
}

}  // namespace vipgate
