#include "common/address_and_port.h"

#include <gtest/gtest.h>

namespace vipgate::address_and_port_test {
namespace {

TEST(AddressAndPort, IsReadOfBothFamilies) {
  const auto v4 = parse_address_and_port("127.0.0.1:8080");
  ASSERT_TRUE(v4.ok());
  EXPECT_EQ(endpoint_to_string(v4->address, v4->port), "127.0.0.1:8080");
  const auto v6 = parse_address_and_port("[fd00::1]:65535");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(endpoint_to_string(v6->address, v6->port), "[fd00::1]:65535");
}

TEST(AddressAndPort, AllElseIsRefusedWithWhatToWrite) {
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
                           "127.0.0.1:080", "127.0.0.1:+80", "127.0.0.1:80 ", "[127.0.0.1]:80",
                           "fd00::1:80", "[fd00::1]", "[fd00::1:80", "localhost:80", ":80"}) {
    const auto parsed = parse_address_and_port(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error(), "'" + std::string(text) +
                                  "' is no address and port; write 127.0.0.1:8080 or [::1]:8080");
  }
}

}  // namespace
}  // namespace vipgate::address_and_port_test
