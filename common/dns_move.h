// Records of one message, put elsewhere into another one: names that end in pointers are led to
// where things stand now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vipgate {

// Where the question's name stands, in full, and where the records begin.
struct DnsPlace {
  size_t name = 0;
  size_t records = 0;
};

// Leads all pointers of the `count` records in `records`, which a resolver has given behind a
// question of `name_length` octets of name, to where they belong when the records stand at `to`,
// names that may not be compressed left alone. False: a name is none, or something would be beyond
// what a pointer reaches (RFC 1035 4.1.4); then the records are worth nothing any more.
bool dns_move_records(std::span<uint8_t> records, size_t count, size_t name_length,
                      const DnsPlace& to);

}  // namespace vipgate
