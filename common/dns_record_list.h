// Records by the hundred thousand, packed: as octets behind one another, without the two strings
// that a DnsRecord is.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/dns_record.h"

namespace vipgate {

// Grows at its end; is read from the start. Owned and called by one thread.
class DnsRecordList {
  // What stands before the owner and the data.
  struct Head {
    uint32_t ttl_s;
    uint16_t type;
    uint16_t rdata_length;
    uint16_t owner_length;
  };

 public:
  DnsRecordList() = default;
  DnsRecordList(std::initializer_list<DnsRecord> records) {
    for (const DnsRecord& record : records) push_back(record);
  }

  // REQUIRES: the owner is no longer than a DNS name, the data than 65,535 octets.
  void push_back(const DnsRecordView& record) {
    assert(record.owner.size() <= kDnsMaxName && record.rdata.size() <= UINT16_MAX);
    const Head head{record.ttl_s, static_cast<uint16_t>(record.type),
                    static_cast<uint16_t>(record.rdata.size()),
                    static_cast<uint16_t>(record.owner.size())};
    std::string& part = part_for(sizeof head + record.owner.size() + record.rdata.size());
    part.append(reinterpret_cast<const char*>(&head), sizeof head);
    part.append(record.owner).append(record.rdata);
    ++size_;
  }
  void append(DnsRecordList other) {
    size_ += other.size_;
    for (std::string& part : other.parts_) parts_.push_back(std::move(part));
  }
  void clear() { *this = {}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // What it gives is good until the list changes.
  class const_iterator {  // NOLINT(readability-identifier-naming)
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = DnsRecordView;
    using difference_type = std::ptrdiff_t;
    using pointer = const DnsRecordView*;
    using reference = DnsRecordView;

    const_iterator(const std::vector<std::string>& parts, size_t part)
        : parts_(&parts), part_(part) {}
    DnsRecordView operator*() const {
      const Head head = this->head();
      const char* octets = (*parts_)[part_].data() + at_ + sizeof head;
      return {{octets, head.owner_length},
              DnsType{head.type},
              head.ttl_s,
              {octets + head.owner_length, head.rdata_length}};
    }
    const_iterator& operator++() {
      const Head head = this->head();
      at_ += sizeof head + head.owner_length + head.rdata_length;
      if (at_ == (*parts_)[part_].size()) {
        ++part_;
        at_ = 0;
      }
      return *this;
    }
    friend bool operator==(const const_iterator&, const const_iterator&) = default;

   private:
    Head head() const {
      Head head;
      std::memcpy(&head, (*parts_)[part_].data() + at_, sizeof head);
      return head;
    }

    const std::vector<std::string>* parts_;
    size_t part_;
    size_t at_ = 0;
  };
  using value_type = DnsRecordView;
  using iterator = const_iterator;
  const_iterator begin() const { return {parts_, 0}; }
  const_iterator end() const { return {parts_, parts_.size()}; }

 private:
  // A part grows up to this by itself; those behind the first are as long from the start.
  static constexpr size_t kPart = 64 * 1024;

  std::string& part_for(size_t octets) {
    if (parts_.empty()) {
      parts_.emplace_back();
    } else if (parts_.back().size() + octets > kPart) {
      parts_.emplace_back().reserve(std::max(kPart, octets));
    }
    return parts_.back();
  }

  std::vector<std::string> parts_;  // none of them empty
  size_t size_ = 0;
};

}  // namespace vipgate
