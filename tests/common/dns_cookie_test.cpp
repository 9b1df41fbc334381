#include "common/dns_cookie.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/addresses.h"
#include "common/dns_cookie_four.h"

namespace vipgate::dns_cookie_test {
namespace {

std::vector<uint8_t> octets(std::string_view hex) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

SipKey secret(std::string_view hex) {
  SipKey key;
  std::copy_n(octets(hex).begin(), 16, key.bytes.begin());
  return key;
}

DnsCookie cookie(std::string_view hex) {
  DnsCookie cookie{};
  const auto from = octets(hex);
  std::copy(from.begin(), from.end(), cookie.begin());
  return cookie;
}

class DnsCookieTest : public ::testing::Test {
 protected:
  DnsCookieClient client(std::string_view address) {
    address_ = parse_ip_address(address).value();
    return {address_.bytes().data(), static_cast<uint8_t>(address_.bits() / 8)};
  }
  DnsCookie made(const SipKey& key, std::string_view address, uint32_t unix_s,
                 std::string_view client_cookie) {
    DnsCookie made = cookie(client_cookie);
    dns_make_cookie(key, client(address), unix_s, made);
    return made;
  }
  int32_t age(const std::vector<SipKey>& keys, std::string_view address, uint32_t unix_s,
              const DnsCookie& cookie) {
    return dns_cookie_age(keys, client(address), unix_s, cookie.data());
  }

  IpAddress address_;
  // RFC 9018, appendix A.
  const SipKey secret_ = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const SipKey old_ = secret("dd3bdf9344b678b185a6f5cb60fca715");
  const SipKey new_ = secret("445536bcd2513298075a5d379663c962");
};

TEST_F(DnsCookieTest, MakesTheCookiesOfTheAppendix) {
  EXPECT_EQ(made(secret_, "198.51.100.100", 1559731985, "2464c4abcf10c957"),
            cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480"))
      << "A.1";
  EXPECT_EQ(made(secret_, "198.51.100.100", 1559734385, "2464c4abcf10c957"),
            cookie("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"))
      << "A.2";
  EXPECT_EQ(made(secret_, "203.0.113.203", 1559734700, "fc93fc62807ddb86"),
            cookie("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"))
      << "A.3";
  EXPECT_EQ(made(new_, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, "22681ab97d52c298"),
            cookie("22681ab97d52c298010000005cf7c609a6bb79d16625507a"))
      << "A.4";
}

TEST_F(DnsCookieTest, KnowsTheCookiesOfTheAppendix) {
  EXPECT_EQ(age({secret_}, "198.51.100.100", 1559734385,
                cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480")),
            2400)
      << "A.2";
  EXPECT_EQ(age({secret_}, "203.0.113.203", 1559727985 + 10,
                cookie("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")),
            10)
      << "A.3: reserved octets are hashed as they come";
  const DnsCookie rolled = cookie("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
  const char* v6 = "2001:db8:220:1:59de:d0f4:8769:82b8";
  EXPECT_EQ(age({new_, old_}, v6, 1559741961, rolled), 1559741961 - 0x5cf7c579) << "A.4";
  EXPECT_EQ(age({new_}, v6, 1559741961, rolled), INT32_MAX) << "the old secret is gone";
}

TEST_F(DnsCookieTest, RefusesWhatDiffersInAnyBit) {
  const DnsCookie good = made(secret_, "192.0.2.1", 1000, "0102030405060708");
  ASSERT_EQ(age({secret_}, "192.0.2.1", 1000, good), 0);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    DnsCookie bad = good;
    bad[bit / 8] = static_cast<uint8_t>(bad[bit / 8] ^ 1u << bit % 8);
    EXPECT_EQ(age({secret_}, "192.0.2.1", 1000, bad), INT32_MAX) << bit;
  }
  EXPECT_EQ(age({secret_}, "192.0.2.2", 1000, good), INT32_MAX);
  EXPECT_EQ(age({}, "192.0.2.1", 1000, good), INT32_MAX);
}

TEST_F(DnsCookieTest, AcceptsTimesOfAnHourBehindAndFiveMinutesAheadAlsoWhereTheyWrap) {
  for (const uint32_t time : {1559731985u, 5u, 0xffffff00u, 0x7fffffffu}) {
    const DnsCookie made_then = made(secret_, "192.0.2.1", time, "0102030405060708");
    const auto at = [&](int32_t later) {
      return age({secret_}, "192.0.2.1", time + static_cast<uint32_t>(later), made_then);
    };
    EXPECT_EQ(at(3600), 3600) << time;
    EXPECT_EQ(at(3601), INT32_MAX) << time;
    EXPECT_EQ(at(-300), -300) << time;
    EXPECT_EQ(at(-301), INT32_MAX) << time;
    EXPECT_EQ(at(INT32_MIN), INT32_MAX) << time;
  }
}

// Whether each of four cookies is told to be good if it is, by itself, and else is not.
template <size_t kAddressLength>
void compare_four_with_each(const SipKey& secret, std::mt19937& random) {
  std::array<std::array<uint8_t, kAddressLength>, 4> addresses;
  std::array<DnsCookie, 4> cookies;
  uint32_t good = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    for (uint8_t& octet : addresses[i]) octet = static_cast<uint8_t>(random());
    for (uint8_t& octet : cookies[i]) octet = static_cast<uint8_t>(random());
    const uint64_t hash =
        dns_cookie_hash(secret, cookies[i].data(), {addresses[i].data(), kAddressLength});
    std::memcpy(&cookies[i][16], &hash, sizeof hash);
    const auto bit = random() % 384;
    if (bit < 8 * cookies[i].size()) {
      cookies[i][bit / 8] = static_cast<uint8_t>(cookies[i][bit / 8] ^ 1u << bit % 8);
    } else {
      good |= 1u << i;
    }
  }
  EXPECT_EQ(
      dns_good_cookies<kAddressLength>(
          secret, {cookies[0].data(), cookies[1].data(), cookies[2].data(), cookies[3].data()},
          {addresses[0].data(), addresses[1].data(), addresses[2].data(), addresses[3].data()}),
      good);
}

TEST_F(DnsCookieTest, FourAtOnceAreAsGoodAsEachAlone) {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    compare_four_with_each<4>(i % 2 == 0 ? secret_ : new_, random);
    compare_four_with_each<16>(i % 2 == 0 ? secret_ : new_, random);
  }
}

}  // namespace
}  // namespace vipgate::dns_cookie_test
