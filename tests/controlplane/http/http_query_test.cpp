#include "controlplane/http/http_query.h"

#include <gtest/gtest.h>

#include "controlplane/http/gzip.h"

namespace vipgate::http_query_test {
namespace {

ApiRequest asking(const std::string& name, const std::string& value) {
  ApiRequest request;
  request.query.emplace(name, value);
  return request;
}

TEST(HttpQuery, AFlagIsTrueOrFalseAndFalseIfItIsNotThere) {
  EXPECT_TRUE(*query_flag(asking("force", "true"), "force"));
  EXPECT_FALSE(*query_flag(asking("force", "false"), "force"));
  EXPECT_FALSE(*query_flag(asking("other", "true"), "force"));
  for (const char* odd : {"", "0", "1", "yes", "True"}) {
    const auto flag = query_flag(asking("force", odd), "force");
    ASSERT_FALSE(flag.ok()) << odd;
    EXPECT_EQ(flag.error(), "force: '" + std::string(odd) + "' is neither true nor false");
  }
}

TEST(HttpQuery, ANumberIsWithinItsRangeAndTheUsualOneIfItIsNotThere) {
  const NumberRange range{1, 20};
  EXPECT_EQ(*query_number(asking("n", "1"), "n", range, 5), 1u);
  EXPECT_EQ(*query_number(asking("n", "20"), "n", range, 5), 20u);
  EXPECT_EQ(*query_number(asking("other", "7"), "n", range, 5), 5u);
  for (const char* odd : {"", "0", "21", "-1", "1h", " 1", "18446744073709551616"}) {
    const auto number = query_number(asking("n", odd), "n", range, 5);
    ASSERT_FALSE(number.ok()) << odd;
    EXPECT_EQ(number.error(), "n: '" + std::string(odd) + "' is no number from 1 to 20");
  }
}

TEST(HttpQuery, GzipIsAcceptedWhereItIsNamedOrMeantAndNotForbidden) {
  for (const char* accept : {"gzip", "GZIP", "deflate, gzip;q=0.5", "*", "identity;q=0, *;q=0.1"}) {
    EXPECT_TRUE(accepts_gzip(accept)) << accept;
  }
  for (const char* accept :
       {"", "identity", "gzip;q=0", "gzip; q=0.000", "*, gzip;q=0", "*;q=0", "gzipped", ",;="}) {
    EXPECT_FALSE(accepts_gzip(accept)) << accept;
  }
}

TEST(HttpQuery, WhatIsGzippedIsTheSameUnpackedAndShort) {
  for (const size_t octets : {size_t{0}, size_t{1}, size_t{3'000'000}}) {
    const std::string text(octets, 'x');
    const std::string packed = gzip(text);
    EXPECT_LT(packed.size(), 100 + octets / 100);
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    std::string unpacked(octets + 1, '?');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
    stream.avail_out = static_cast<uInt>(unpacked.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    EXPECT_EQ(unpacked.substr(0, stream.total_out), text);
  }
}

}  // namespace
}  // namespace vipgate::http_query_test
