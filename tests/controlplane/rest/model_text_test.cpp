#include "controlplane/rest/model_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vipgate::model_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ServiceConfig service_of(const std::string& name, const std::string& vip, int reals) {
  ServiceConfig service;
  service.name = name;
  service.vip = parse_ip_address(vip).value();
  service.port = 80;
  for (int i = 1; i <= reals; ++i) {
    const auto address = parse_ip_address("10.0.0." + std::to_string(i)).value();
    service.reals.push_back({address, 8080, 1, {}});
  }
  return service;
}

class ModelTextTest : public ::testing::Test {
 protected:
  ModelTextTest() {
    Config config;
    config.services = {service_of("web", "11.0.0.1", 3), service_of("empty", "11.0.0.2", 0),
                       service_of("web", "11.0.0.3", 1)};
    const auto change = model_.update(config, 0);
    EXPECT_TRUE(change.ok()) << change.error();
  }
  // By as many parts as it takes, which `parts` become.
  std::string listed(const ServiceFilter& filter, size_t most, int& parts) const {
    ServiceListing listing;
    parts = 1;
    while (list_services(model_, made_, {}, filter, listing, most)) ++parts;
    return listing.text;
  }

  Model model_;
  RestServices made_{{[](Config&) { return Status(Done{}); }, {}}};
};

TEST_F(ModelTextTest, AListIsTheSameInHoweverManyPartsItIsMade) {
  int parts = 0;
  const std::string whole = listed({}, SIZE_MAX, parts);
  EXPECT_EQ(parts, 1);
  EXPECT_THAT(whole, HasSubstr("{\"services\":[\n{\"id\":\"11.0.0.1:80:tcp\""));
  EXPECT_THAT(whole, HasSubstr(",\n{\"id\":\"11.0.0.2:80:tcp\""));
  EXPECT_EQ(listed({}, 1, parts), whole);
  EXPECT_EQ(parts, 3) << "a service is never cut";
  EXPECT_EQ(listed({}, 5, parts), whole);
  EXPECT_EQ(parts, 2);
}

TEST_F(ModelTextTest, AFilterLeavesOutTheOthers) {
  int parts = 0;
  const std::string named = listed({"web", ""}, 1, parts);
  EXPECT_THAT(named, HasSubstr("11.0.0.1:80:tcp"));
  EXPECT_THAT(named, HasSubstr("11.0.0.3:80:tcp"));
  EXPECT_THAT(named, Not(HasSubstr("11.0.0.2:80:tcp")));
  EXPECT_EQ(listed({"", "mesos"}, 1, parts), "{\"services\":[\n]}\n");
}

}  // namespace
}  // namespace vipgate::model_text_test
