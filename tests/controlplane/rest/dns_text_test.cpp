#include "controlplane/rest/dns_text.h"

#include <gmock/gmock.h>

#include "common/dns_record.h"

namespace vipgate::dns_text_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string wire(const char* name) { return dns_name_from_text(name).value(); }

std::vector<uint8_t> octets(const DnsWriter& writer) {
  return {writer.octets().begin(), writer.octets().end()};
}

// Of counts 1, 1, 0, 1: a question, an SRV record whose target is compressed, and an OPT record.
DnsWriter reply() {
  DnsWriter message;
  for (const int field : {0, 0x8583, 1, 1, 0, 1}) message.u16(static_cast<uint16_t>(field));
  message.bytes(wire("a.z"));
  message.u16(static_cast<uint16_t>(DnsType::kSrv));
  message.u16(1);
  message.record(12, DnsType::kSrv, 5, std::string_view("\0\0\0\1\0\x50\xc0\x0e", 8));
  message.bytes(std::string_view("\0\0\x29\x04\xd0\0\0\0\0\0\0", 11));
  return message;
}

TEST(DnsText, TypesAreReadAsTheyAreWrittenWhateverTheCase) {
  for (const char* text : {"A", "AAAA", "SRV", "PTR", "CNAME", "TXT", "NS", "SOA", "MX", "ANY"}) {
    const auto type = dns_type_from_text(text);
    ASSERT_TRUE(type) << text;
    EXPECT_EQ(dns_type_text(*type), text);
  }
  EXPECT_EQ(dns_type_from_text("srv"), DnsType::kSrv);
  EXPECT_EQ(dns_type_from_text("type28"), DnsType::kAaaa);
  EXPECT_EQ(dns_type_text(DnsType{65}), "TYPE65");
  for (const char* wrong : {"", "AA", "TYPE", "TYPE65536", "TYPE6x", "65"}) {
    EXPECT_FALSE(dns_type_from_text(wrong)) << wrong;
  }
}

TEST(DnsText, DataIsWrittenAsInMasterFiles) {
  EXPECT_EQ(dns_data_text(DnsType::kA, "\x0b\x01\x01\x02"), "11.1.1.2");
  EXPECT_EQ(dns_data_text(DnsType::kAaaa, std::string("\xfd\x01") + std::string(13, 0) + "\x07"),
            "fd01::7");
  EXPECT_EQ(dns_data_text(DnsType::kPtr, wire("redis.z")), "redis.z.");
  EXPECT_EQ(dns_data_text(DnsType::kSrv, dns_srv_record("s", 1, 2, 6379, "r.z", 5)->rdata),
            "1 2 6379 r.z.");
  EXPECT_EQ(dns_data_text(DnsType::kTxt, std::string_view("\3a\"b\0\1\xff", 7)),
            "\"a\\\"b\" \"\" \"\\255\"");
  DnsWriter soa;
  soa.bytes(wire("ns.z") + wire("root.z"));
  for (const uint32_t number : {7u, 60u, 600u, 86400u, 5u}) soa.u32(number);
  EXPECT_EQ(dns_data_text(DnsType::kSoa, soa.octets()), "ns.z. root.z. 7 60 600 86400 5");
}

TEST(DnsText, DataThatIsBrokenOrOfAnotherTypeIsWrittenInHexadecimal) {
  EXPECT_EQ(dns_data_text(DnsType{65}, std::string_view("\0\x0a", 2)), "\\# 2 000a");
  EXPECT_EQ(dns_data_text(DnsType::kA, "\x0b\x01\x01"), "\\# 3 0b0101");
  EXPECT_EQ(dns_data_text(DnsType::kA, ""), "\\# 0");
  EXPECT_EQ(dns_data_text(DnsType::kPtr, wire("a.z") + "x"), "\\# 6 0161017a0078");
  EXPECT_EQ(dns_data_text(DnsType::kTxt, "\4abc"), "\\# 4 04616263");
}

TEST(DnsText, AMessageIsReadWithItsCompressedNamesAndWithoutItsOptRecord) {
  const auto message = octets(reply());
  const auto text = dns_read_message(message);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->rcode, "NXDOMAIN");
  EXPECT_THAT(text->flags, ElementsAre("aa", "rd", "ra"));
  ASSERT_THAT(text->answer, SizeIs(1));
  EXPECT_EQ(text->answer[0].name, "a.z.");
  EXPECT_EQ(text->answer[0].type, "SRV");
  EXPECT_EQ(text->answer[0].ttl_s, 5u);
  EXPECT_EQ(text->answer[0].data, "0 1 80 z.");
  EXPECT_THAT(text->additional, IsEmpty());
}

TEST(DnsText, AMessageThatEndsEarlyOrLateIsNotRead) {
  auto message = octets(reply());
  for (size_t length = 0; length < message.size(); ++length) {
    const std::vector<uint8_t> part(message.begin(),
                                    message.begin() + static_cast<ptrdiff_t>(length));
    EXPECT_FALSE(dns_read_message(part)) << length;
  }
  message.push_back(0);
  EXPECT_FALSE(dns_read_message(message));
}

}  // namespace
}  // namespace vipgate::dns_text_test
