#include "controlplane/rest/watch_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_net.h"

namespace vipgate::watch_query_test {
namespace {

using test::ip;
using ::testing::HasSubstr;
using WatchStream = WatchOptions::Stream;

const WatchPlaces kPlaces{.ports = {"edge", "cluster"}, .workers = 2};

Result<WatchOptions> read_query(const std::map<std::string, std::string>& query,
                                WatchStream stream = WatchStream::kCapture) {
  return read_watch_query(query, stream, kPlaces);
}

TEST(WatchQuery, WithoutWordsAHundredPacketsOrTenSecondsOfEverything) {
  const auto options = read_query({});
  ASSERT_TRUE(options.ok()) << options.error();
  EXPECT_EQ(options->packets, 100u);
  EXPECT_EQ(options->seconds, 10u);
  EXPECT_EQ(options->snaplen_bytes, 256u);
  EXPECT_EQ(options->filter, PacketFilter{});
  EXPECT_TRUE(options->is_capture());
  EXPECT_FALSE(options->is_trace());
}

TEST(WatchQuery, ItsWordsAreThoseOfTheFile) {
  const auto options = read_query({{"packets", "7"},
                                   {"seconds", "3600"},
                                   {"snaplen", "9216"},
                                   {"source", "192.0.2.0/24"},
                                   {"destination", "11.0.0.1"},
                                   {"destination_port", "80"},
                                   {"protocol", "sctp"},
                                   {"port", "cluster"},
                                   {"worker", "1"}});
  ASSERT_TRUE(options.ok()) << options.error();
  EXPECT_EQ(options->packets, 7u);
  EXPECT_EQ(options->seconds, 3600u);
  EXPECT_EQ(options->snaplen_bytes, 9216u);
  const PacketFilter& filter = options->filter;
  EXPECT_EQ(filter.source, (IpPrefix{ip("192.0.2.0"), 24}));
  EXPECT_EQ(filter.destination, (IpPrefix{ip("11.0.0.1"), 32}));
  EXPECT_EQ(filter.destination_port, 80);
  EXPECT_EQ(filter.protocol, 132);
  EXPECT_EQ(filter.port, 1);
  EXPECT_EQ(filter.worker, 1);
}

TEST(WatchQuery, AnAddressMayHaveItsPortBehindIt) {
  const auto options =
      read_query({{"source", "192.0.2.1:4000"}, {"destination", "[2001:db8::1]:53"}});
  ASSERT_TRUE(options.ok()) << options.error();
  EXPECT_EQ(options->filter.source, (IpPrefix{ip("192.0.2.1"), 32}));
  EXPECT_EQ(options->filter.source_port, 4000);
  EXPECT_EQ(options->filter.destination, (IpPrefix{ip("2001:db8::1"), 128}));
  EXPECT_EQ(options->filter.destination_port, 53);
}

TEST(WatchQuery, AMistakeNamesTheParameterAndTheMend) {
  const std::pair<std::pair<const char*, const char*>, const char*> cases[] = {
      {{"packets", "0"}, "packets: "},
      {{"packets", "100001"}, "100000"},
      {{"seconds", "x"}, "seconds: "},
      {{"snaplen", "63"}, "snaplen: "},
      {{"source", "host"}, "source: 'host' is not a prefix"},
      {{"source", "192.0.2.1/24"}, "write 192.0.2.0/24"},
      {{"protocol", "quic"}, "protocol: "},
      {{"port", "x"}, "port: no port is named 'x'"},
      {{"worker", "2"}, "worker: there are 2 workers"},
      {{"worker", "64"}, "worker: "},
      {{"packet", "7"}, "unknown key 'packet'; did you mean 'packets'?"}};
  for (const auto& [pair, wanted] : cases) {
    const auto options = read_query({pair});
    ASSERT_FALSE(options.ok()) << pair.first;
    EXPECT_THAT(options.error(), HasSubstr(wanted));
  }
}

TEST(WatchQuery, ATraceHasNoSnaplen) {
  EXPECT_FALSE(read_query({{"snaplen", "256"}}, WatchStream::kTrace).ok());
  EXPECT_TRUE(read_query({}, WatchStream::kTrace)->is_trace());
}

}  // namespace
}  // namespace vipgate::watch_query_test
