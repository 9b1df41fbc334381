// What resolvers have said by TCP, for as long as they allow: the rules of the packet path's cache
// (dataplane/fastpath/dns_cache.h) for answers of any length, bounded by octets.
//
// A segmented LRU: an answer is on probation until it is used once more, and those that have proven
// themselves have seven eighths of the room at most. So names that nobody asks for twice, however
// many, push out each other and nothing else. What is of no more use goes first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/siphash.h"
#include "controlplane/dns_sockets/dns_known_answer.h"

namespace vipgate {

// Owned and used by one thread.
class DnsAnswerCache {
 public:
  // What an answer takes beside its octets, about: the places in list and indexes.
  static constexpr size_t kOverhead = sizeof(DnsKnownAnswer) + 256;

  // `key`: that of the index, which clients shall not be able to choose names against.
  explicit DnsAnswerCache(const SipKey& key) : index_(0, Hash{key}) {}

  // What is beyond it goes; 0: nothing is kept.
  void set_room(size_t octets, uint64_t now_ns);

  // What is known of the question, fresh or not; null: nothing. It stays until the next call that
  // is not const.
  DnsKnownAnswer* find(std::string_view question);
  // Somebody new asks for it, and it is told. REQUIRES: it is known.
  void use(std::string_view question);

  // Keeps it in the place of an earlier one. `stale_s`: for how long it may be told past its time.
  void store(std::string_view question, DnsKnownAnswer answer, uint32_t stale_s, uint64_t now_ns);
  // That no resolver answers.
  void store_failure(std::string_view question, uint64_t now_ns);

  // Nothing of it counts any more.
  void clear();

  size_t room() const { return room_; }
  // That the answers take.
  size_t octets() const { return octets_; }
  // Answers that gave way to others before their time.
  uint64_t evictions() const { return evictions_; }

 private:
  struct Entry;
  using Entries = std::list<Entry>;
  using Ends = std::multimap<uint64_t, Entries::iterator>;
  struct Entry {
    std::string question;
    DnsKnownAnswer answer;
    size_t octets = 0;
    bool is_proven = false;
    Ends::iterator end;
  };
  struct Hash {
    SipKey key;
    size_t operator()(std::string_view text) const {
      return siphash24(key, reinterpret_cast<const uint8_t*>(text.data()), text.size());
    }
  };

  void erase(Entries::iterator entry);
  void shrink_to(size_t octets, uint64_t now_ns);

  // Those that were used last at the front.
  Entries probation_, proven_;
  std::unordered_map<std::string_view, Entries::iterator, Hash> index_;
  Ends ends_;
  size_t room_ = 0;
  size_t octets_ = 0, proven_octets_ = 0;
  uint64_t evictions_ = 0;
};

}  // namespace vipgate
