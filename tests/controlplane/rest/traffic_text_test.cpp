#include "controlplane/rest/traffic_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vipgate::traffic_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kBusyId[] = "11.0.0.1:80:tcp";
constexpr char kQuietId[] = "11.0.0.2:80:tcp";

IpAddress told_address(const char* text) { return parse_ip_address(text).value(); }

TrafficFigures told_traffic() {
  TrafficFigures traffic;
  ServiceFigures busy{.label = {"busy", told_address("11.0.0.1"), 80, {}, Protocol::kTcp}};
  busy.forward_packets = 5;
  busy.return_bytes = 900;
  traffic.services = {
      busy, ServiceFigures{.label = {"quiet", told_address("11.0.0.2"), 80, {}, Protocol::kTcp}}};
  traffic.reals = {{0, told_address("10.0.0.1"), 8080, 3, 300, 2, 1},
                   {1, told_address("10.0.0.2"), 8080, 0, 0, 0, 0},
                   {0, told_address("10.0.0.3"), 8080, 2, 200, 7, 6}};
  return traffic;
}

TEST(TrafficText, HasServicesThatAnythingCameForWithTheFlowsOfTheirReals) {
  const std::string text = traffic_text(told_traffic(), "");
  EXPECT_EQ(text,
            "{\"services\":[\n{\"id\":\"11.0.0.1:80:tcp\",\"forward_packets\":5,"
            "\"forward_bytes\":0,\"return_packets\":0,\"return_bytes\":900,\"flows_created\":0,"
            "\"flows\":7,\"no_real\":0,\"over_limit\":0}\n]}\n");
}

TEST(TrafficText, HasTheRealsOfOneServiceAndNoOthers) {
  const std::string text = traffic_text(told_traffic(), kBusyId);
  EXPECT_THAT(text, HasSubstr("{\"real\":\"10.0.0.1:8080\",\"packets\":3,\"bytes\":300,"
                              "\"flows_created\":2,\"flows\":1}"));
  EXPECT_THAT(text, HasSubstr("10.0.0.3:8080"));
  EXPECT_THAT(text, Not(HasSubstr("10.0.0.2")));
}

TEST(TrafficText, TellsOfOneServiceThoughNothingCame) {
  EXPECT_THAT(traffic_text(told_traffic(), kQuietId), HasSubstr("\"id\":\"11.0.0.2:80:tcp\""));
}

TEST(TrafficText, IsEmptyForAServiceThatThereIsNot) {
  EXPECT_EQ(traffic_text(told_traffic(), "11.0.0.3:80:tcp"), "");
}

class MaglevText : public ::testing::Test {
 protected:
  // A snapshot whose first service has these rows to two reals.
  Snapshot with_rows(MaglevRows rows) {
    auto services = std::make_shared<ServicePage>();
    auto reals = std::make_shared<RealPage>();
    for (uint8_t i = 0; i < 2; ++i) {
      reals->entries[i].address = told_address(i == 0 ? "10.0.0.1" : "10.0.0.2");
      reals->entries[i].port = Be16(8080);
    }
    auto ring = std::make_shared<ServiceRing>();
    ring->rows = std::make_shared<const MaglevRows>(std::move(rows));
    ring->reals = {RealId(0, 0), RealId(1, 0)};
    ring->checksum = 0xabc;
    services->info[0].ring = ring;
    Snapshot snapshot;
    snapshot.service_pages = {services};
    snapshot.real_pages = {reals};
    snapshot.reals = {reals->entries.data()};
    return snapshot;
  }
};

TEST_F(MaglevText, CountsTheRowsOfEachRealAndShowsWhoseTheyAre) {
  EXPECT_EQ(maglev_text(with_rows({0, 1, 0, 0}), 0, kBusyId),
            "{\"service\":\"11.0.0.1:80:tcp\",\"rows\":4,\"checksum\":\"abc\",\"reals\":[\n"
            "{\"real\":\"10.0.0.1:8080\",\"rows\":3},\n{\"real\":\"10.0.0.2:8080\",\"rows\":1}\n],"
            "\"picture\":[0,1,0,0]}\n");
}

TEST_F(MaglevText, ChoosesRowsEvenlyWhereThereAreMany) {
  MaglevRows rows(4 * kMaglevPicture);
  for (size_t i = 0; i < kMaglevPicture; ++i) rows[4 * i] = 1;
  const std::string text = maglev_text(with_rows(std::move(rows)), 0, kBusyId);
  EXPECT_THAT(text, HasSubstr("\"rows\":1024}\n],\"picture\":[1,1,"));
  EXPECT_THAT(text.substr(text.find("picture")), Not(HasSubstr("0")));
  EXPECT_EQ(
      std::count(text.begin() + static_cast<ptrdiff_t>(text.find("picture")), text.end(), '1'),
      kMaglevPicture);
}

TEST_F(MaglevText, HasNoRowsWhereNoRealTakesFlows) {
  Snapshot snapshot = with_rows({});
  EXPECT_THAT(maglev_text(snapshot, 0, kBusyId),
              HasSubstr("\"rows\":0,\"checksum\":\"0\",\"reals\":[],\"picture\":[]}"));
}

}  // namespace
}  // namespace vipgate::traffic_text_test
