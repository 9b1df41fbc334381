// Records that a resolver has given, in another place of another message.
#include "common/dns_move.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/dns_message.h"

namespace vipgate::dns_move_test {
namespace {

using test::be16;
using test::be32;
using test::wire_name;

const std::string kQuestion = wire_name("www.example.org");  // at 12 to 29, the records from 33 on
constexpr size_t kRecords = 33;
constexpr DnsPlace kTo{.name = 60, .records = 100};

std::string pointer(size_t to) { return be16(static_cast<unsigned>(0xc000 | to)); }

std::string record(std::string_view owner, unsigned type, std::string_view data) {
  return std::string(owner) + be16(type) + be16(1) + be32(60) +
         be16(static_cast<unsigned>(data.size())) + std::string(data);
}

// Empty: it cannot be moved.
std::string moved(std::string records, size_t count, const DnsPlace& to = kTo) {
  const bool is_moved = dns_move_records(
      {reinterpret_cast<uint8_t*>(records.data()), records.size()}, count, kQuestion.size(), to);
  return is_moved ? records : std::string();
}

TEST(DnsMove, PointersFollowWhatTheyLeadTo) {
  const std::string alias =
      record(pointer(12), 5, "\3cdn" + pointer(16));  // cdn.example.org, at 33 + 12
  const auto wanted =
      record(pointer(60), 5, "\3cdn" + pointer(64)) + record(pointer(100 + 12), 1, "\1\2\3\4");
  EXPECT_EQ(moved(alias + record(pointer(kRecords + 12), 1, "\1\2\3\4"), 2), wanted);
  EXPECT_EQ(moved(record(std::string(1, '\0'), 1, "\1\2\3\4"), 1),
            record(std::string(1, '\0'), 1, "\1\2\3\4"))
      << "a name without one stays";
}

TEST(DnsMove, NamesOfEachTypeThatMayBeCompressedAreMoved) {
  const std::string numbers(20, '\7');
  struct Case {
    unsigned type;
    std::string before;
    size_t names;
    std::string behind;
  };
  for (const Case& test :
       {Case{2, "", 1, ""}, Case{5, "", 1, ""}, Case{12, "", 1, ""}, Case{15, be16(10), 1, ""},
        Case{6, "", 2, numbers}, Case{33, "priowe", 1, ""}, Case{39, "", 1, ""},
        Case{17, "", 2, ""}, Case{18, be16(1), 1, ""}}) {
    std::string from = test.before, to = test.before;
    for (size_t i = 0; i < test.names; ++i) {
      from += "\1a" + pointer(16 + 8 * i);
      to += "\1a" + pointer(64 + 8 * i);
    }
    EXPECT_EQ(moved(record(pointer(12), test.type, from + test.behind), 1),
              record(pointer(60), test.type, to + test.behind))
        << test.type;
  }
}

TEST(DnsMove, DataOfOtherTypesAreNoNames) {
  for (const unsigned type : {1u, 16u, 28u, 46u, 65u}) {
    EXPECT_EQ(moved(record(pointer(12), type, pointer(16) + pointer(13)), 1),
              record(pointer(60), type, pointer(16) + pointer(13)))
        << type;
  }
}

TEST(DnsMove, WhatIsNoRecordOrLeadsNowhereIsNotMoved) {
  const std::string good = record(pointer(12), 5, pointer(16));
  EXPECT_FALSE(moved(good, 1).empty());
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_EQ(moved(good.substr(0, length), 1), "") << length;
  }
  EXPECT_EQ(moved(good, 2), "") << "a record more than there is";
  EXPECT_EQ(moved(good + "x", 1), "") << "an octet more";
  EXPECT_EQ(moved(record(pointer(11), 1, ""), 1), "") << "into the header";
  EXPECT_EQ(moved(record(pointer(29), 1, ""), 1), "") << "into type and class";
  EXPECT_EQ(moved(record(std::string(1, 64), 1, ""), 1), "") << "a label too long";
  EXPECT_EQ(moved(record(pointer(12), 15, "\1"), 1), "") << "a name behind the data";
  EXPECT_EQ(moved(record(pointer(12), 5, "\3ab"), 1), "") << "a name beyond the data";
}

// An owner that is read from the octets of a pointer would be another one when that is moved.
TEST(DnsMove, PointerToWhereNoNameStandsIsNone) {
  const std::string first = record(pointer(12), 1, std::string("\1a\0\0", 4));
  EXPECT_NE(moved(first + record(pointer(kRecords), 1, ""), 2), "") << "to another pointer";
  EXPECT_EQ(moved(first + record(pointer(kRecords + 1), 1, ""), 2), "") << "into it";
  EXPECT_EQ(moved(first + record(pointer(kRecords + 12), 1, ""), 2), "") << "to an address";
  EXPECT_EQ(moved(record(pointer(kRecords), 1, ""), 1), "") << "to itself";
}

TEST(DnsMove, NothingIsPutWhereNoPointerReaches) {
  const std::string records = record(pointer(12), 1, "") + record(pointer(kRecords), 1, "");
  EXPECT_NE(moved(records, 2, {.name = 60, .records = 0x3fff}), "");
  EXPECT_EQ(moved(records, 2, {.name = 60, .records = 0x4000}), "");
}

}  // namespace
}  // namespace vipgate::dns_move_test
