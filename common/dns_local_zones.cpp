#include "common/dns_local_zones.h"

#include "common/dns_table.h"

namespace vipgate {
namespace {

using std::string_view_literals::operator""sv;

// Each label follows its length.
constexpr std::string_view kLocalReverseZones[] = {
    "\00210\007in-addr\004arpa\0"sv,
    "\003168\003192\007in-addr\004arpa\0"sv,
    "\003127\007in-addr\004arpa\0"sv,
    "\003254\003169\007in-addr\004arpa\0"sv,
    "\0010\007in-addr\004arpa\0"sv,
    "\0012\0010\003192\007in-addr\004arpa\0"sv,
    "\003100\00251\003198\007in-addr\004arpa\0"sv,
    "\003113\0010\003203\007in-addr\004arpa\0"sv,
    "\003255\003255\003255\003255\007in-addr\004arpa\0"sv,
    // fd00::/8, fe80::/10, 2001:db8::/32.
    "\001d\001f\003ip6\004arpa\0"sv,
    "\0018\001e\001f\003ip6\004arpa\0"sv,
    "\0019\001e\001f\003ip6\004arpa\0"sv,
    "\001a\001e\001f\003ip6\004arpa\0"sv,
    "\001b\001e\001f\003ip6\004arpa\0"sv,
    "\0018\001b\001d\0010\0011\0010\0010\0012\003ip6\004arpa\0"sv,
    // :: and ::1.
    "\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010"
    "\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010"
    "\003ip6\004arpa\0"sv,
    "\0011\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010"
    "\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010\0010"
    "\003ip6\004arpa\0"sv,
};

// Below `above` those of the second octets from `first` to `last`.
struct LocalOctets {
  std::string_view above;
  unsigned first;
  unsigned last;
};
constexpr LocalOctets kLocalOctets[] = {{"\003172\007in-addr\004arpa\0"sv, 16, 31},
                                        {"\003100\007in-addr\004arpa\0"sv, 64, 127}};

std::string_view end_of(std::string_view name, size_t length) {
  return {name.data() + name.size() - length, length};
}

// The number that the label is; 1000 and more: it is none, as written in the names of addresses.
unsigned octet_of(std::string_view digits) {
  unsigned number = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return 1000;
    number = number * 10 + static_cast<unsigned>(digit - '0');
  }
  return digits[0] == '0' ? 1000 : number;
}

std::string_view zone_among(std::string_view name, const LocalOctets& octets) {
  if (!name.ends_with(octets.above)) return {};
  for (const size_t digits : {2, 3}) {
    const size_t length = 1 + digits + octets.above.size();
    if (name.size() < length) break;
    const std::string_view zone = end_of(name, length);
    if (static_cast<size_t>(zone[0]) != digits) continue;
    const unsigned octet = octet_of({zone.data() + 1, digits});
    if (octet < octets.first || octet > octets.last) continue;
    if (dns_is_within(name, zone)) return zone;
  }
  return {};
}

}  // namespace

std::string_view dns_local_zone(std::string_view name) {
  if (!name.ends_with("\004arpa\0"sv)) return {};
  for (const std::string_view zone : kLocalReverseZones) {
    if (dns_is_within(name, zone)) return zone;
  }
  for (const LocalOctets& octets : kLocalOctets) {
    const std::string_view zone = zone_among(name, octets);
    if (!zone.empty()) return zone;
  }
  return {};
}

}  // namespace vipgate
