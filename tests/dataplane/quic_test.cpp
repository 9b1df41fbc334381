// What is read of QUIC headers, whatever the bytes are.
#include "dataplane/fastpath/quic.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "tests/support/quic_packets.h"

namespace vipgate::test::quic_test {
namespace {

// Of a buffer that ends where the payload does, so that a sanitizer sees an over-read.
uint32_t id_of(const Bytes& payload) {
  const auto exact = std::make_unique<uint8_t[]>(payload.size());
  std::copy(payload.begin(), payload.end(), exact.get());
  return quic_id(exact.get(), payload.size());
}

TEST(Quic, AShortHeaderNamesTheRealByEachLayout) {
  EXPECT_EQ(id_of(quic_short(quic_connection_id(1, 0x1234))), 0x1234u);
  EXPECT_EQ(id_of(quic_short(quic_connection_id(1, 0xffff))), 0xffffu);
  EXPECT_EQ(id_of(quic_short(quic_connection_id(2, 0x123456))), 0x123456u);
  EXPECT_EQ(id_of(quic_short(quic_connection_id(3, 0x12345678))), 0x12345678u);
  EXPECT_EQ(id_of(quic_short(quic_connection_id(3, 0xffffffff))), 0xffffffffu);
  EXPECT_EQ(id_of(quic_short(quic_connection_id(0, 0))), 0u) << "this layout holds none";
}

// Bytes as they stand on the wire, not made by the helper.
TEST(Quic, TheBitsLieWhereKatranHasThem) {
  EXPECT_EQ(id_of({0x40, 0x41, 0x02, 0xc0, 0, 0, 0, 0, 0}), 1u << 10 | 2u << 2 | 3u);
  EXPECT_EQ(id_of({0x40, 0x80, 0x0a, 0x0b, 0x0c, 0, 0, 0, 0}), 0x0a0b0cu);
  EXPECT_EQ(id_of({0x40, 0xc0, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0}), 0x0a0b0c0du);
}

TEST(Quic, TheBitsOfAShortHeaderThatEndsMayChangeMeanNothing) {
  for (unsigned first = 0; first < 0x80; ++first) {
    Bytes payload = quic_short(quic_connection_id(1, 77));
    payload[0] = static_cast<uint8_t>(first);
    EXPECT_EQ(id_of(payload), 77u) << first;
  }
}

TEST(Quic, LongHeadersNameTheRealFromTheHandshakeOn) {
  const Bytes id = quic_connection_id(2, 77);
  enum { kInitial, kZeroRtt, kHandshake, kRetry };
  EXPECT_EQ(id_of(quic_long(kInitial, id)), 0u) << "the client may have made it up";
  EXPECT_EQ(id_of(quic_long(kZeroRtt, id)), 0u);
  EXPECT_EQ(id_of(quic_long(kHandshake, id)), 77u);
  EXPECT_EQ(id_of(quic_long(kRetry, id)), 77u);
  // RFC 9369 3.2: the types are numbered from 1 on, Retry is 0.
  EXPECT_EQ(id_of(quic_long(0, id, kQuicVersion2)), 0u);
  EXPECT_EQ(id_of(quic_long(1, id, kQuicVersion2)), 0u) << "Initial";
  EXPECT_EQ(id_of(quic_long(2, id, kQuicVersion2)), 0u) << "0-RTT";
  EXPECT_EQ(id_of(quic_long(3, id, kQuicVersion2)), 77u) << "Handshake";
  EXPECT_EQ(id_of(quic_long(kHandshake, id, 0)), 0u) << "version negotiation is a server's";
  EXPECT_EQ(id_of(quic_long(kHandshake, id, 0xfaceb002)), 77u);
}

TEST(Quic, AnIdOfLessThanEightBytesNamesNobody) {
  const Bytes whole = quic_connection_id(1, 77);
  for (size_t length = 0; length <= 20; ++length) {
    Bytes id = whole;
    id.resize(length, 0x55);
    EXPECT_EQ(id_of(quic_long(2, id)), length < 8 ? 0u : 77u) << length;
  }
}

TEST(Quic, PayloadsThatAreCutAnywhereAreNotReadBehindTheirEnd) {
  for (const Bytes& whole :
       {quic_short(quic_connection_id(3, 77)), quic_long(2, quic_connection_id(3, 77))}) {
    const size_t needed = (whole[0] & 0x80) != 0 ? 14 : 9;
    for (size_t length = 0; length <= whole.size(); ++length) {
      EXPECT_EQ(id_of(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length))),
                length < needed ? 0u : 77u)
          << length;
    }
  }
}

TEST(Quic, AnyBytesAreRead) {
  std::mt19937 random(1);
  for (int round = 0; round < 100'000; ++round) {
    Bytes payload(random() % 24);
    for (uint8_t& byte : payload) byte = static_cast<uint8_t>(random());
    const uint32_t id = id_of(payload);
    EXPECT_TRUE(payload.size() >= 9 || id == 0);
  }
}

}  // namespace
}  // namespace vipgate::test::quic_test
