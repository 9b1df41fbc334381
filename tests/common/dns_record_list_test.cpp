#include "common/dns_record_list.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vipgate::dns_record_list_test {
namespace {

DnsRecord record(size_t number, size_t rdata_length) {
  std::string rdata(rdata_length, static_cast<char>(number));
  return {"\x01" + std::string(1, static_cast<char>('a' + number % 26)) + std::string(1, '\0'),
          DnsType::kTxt, static_cast<uint32_t>(number), std::move(rdata)};
}

TEST(DnsRecordList, GivesBackWhatWasPutIntoItInOrderWhateverItsLength) {
  std::vector<DnsRecord> expected;
  DnsRecordList list;
  DnsRecordList others;
  for (size_t i = 0; i < 400; ++i) {
    expected.push_back(record(i, i % 7 == 0 ? 65'535 : i));
    (i < 300 ? list : others).push_back(expected.back());
  }
  list.append(std::move(others));
  list.append({});
  EXPECT_EQ(list.size(), expected.size());
  EXPECT_EQ(std::vector<DnsRecord>(list.begin(), list.end()), expected);
  list.push_back(record(1, 0));
  EXPECT_EQ(list.size(), expected.size() + 1);
  list.clear();
  EXPECT_TRUE(list.empty());
  EXPECT_TRUE(list.begin() == list.end());
}

}  // namespace
}  // namespace vipgate::dns_record_list_test
