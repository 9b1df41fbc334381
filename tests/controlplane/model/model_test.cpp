#include "controlplane/model/model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/address_text.h"

namespace vipgate::model_test {
namespace {

using test::ip;

ServiceConfig service(const std::string& vip, std::vector<std::string> reals,
                      Mode mode = Mode::kFullnat) {
  ServiceConfig config;
  config.name = "s";
  config.vip = ip(vip);
  config.port = 80;
  config.mode = mode;
  config.timeouts.drain_s = 100;
  for (const std::string& real : reals) config.reals.push_back({ip(real), 8080, 1, {}});
  return config;
}

Config config_of(std::vector<ServiceConfig> services) {
  Config config;
  config.services = std::move(services);
  return config;
}

const ModelService& at(const Model& model, const std::string& vip) {
  return model.services().at({ip(vip), 80, Protocol::kTcp});
}
const ModelReal& real_at(const Model& model, const std::string& vip, const std::string& real) {
  return at(model, vip).reals.at({ip(real), 8080});
}

TEST(Model, IdsDoNotDependOnTheOrderOfTheFile) {
  auto config = config_of({service("11.0.0.1", {"10.0.0.1", "10.0.0.2"}, Mode::kNat),
                           service("11.0.0.2", {"10.0.0.3"}), service("fd01::1", {"fd00::1"})});
  Model model;
  ASSERT_TRUE(model.update(config, 0).ok());
  std::reverse(config.services.begin(), config.services.end());
  std::reverse(config.services.back().reals.begin(), config.services.back().reals.end());
  Model other;
  ASSERT_TRUE(other.update(config, 0).ok());
  for (const auto& [key, one] : model.services()) {
    const ModelService& two = other.services().at(key);
    EXPECT_EQ(one.index, two.index);
    EXPECT_EQ(one.flow_id, two.flow_id);
    for (const auto& [real_key, real] : one.reals) {
      EXPECT_EQ(real.id.value, two.reals.at(real_key).id.value);
      EXPECT_EQ(real.return_flow_id, two.reals.at(real_key).return_flow_id);
    }
  }
}

TEST(Model, ARealThatVanishedDrainsAndThenGoes) {
  Model model;
  ASSERT_TRUE(model.update(config_of({service("11.0.0.1", {"10.0.0.1", "10.0.0.2"})}), 0).ok());
  ASSERT_TRUE(model.update(config_of({service("11.0.0.1", {"10.0.0.1"})}), 10).ok());
  EXPECT_EQ(real_at(model, "11.0.0.1", "10.0.0.2").state, RealState::kDraining);
  EXPECT_EQ(model.next_deadline_s(), 110);
  EXPECT_FALSE(model.advance(109));
  EXPECT_TRUE(model.advance(110));
  EXPECT_EQ(at(model, "11.0.0.1").reals.size(), 1u);
  EXPECT_EQ(model.next_deadline_s(), kNever);
}

// Of the reals 10.0.0.1, 10.0.0.2, … in turn.
std::vector<uint32_t> ramps(const Model& model) {
  std::vector<uint32_t> tenths;
  for (const auto& [key, real] : at(model, "11.0.0.1").reals) tenths.push_back(real.ramp);
  return tenths;
}
using Tenths = std::vector<uint32_t>;

Config slow_starting(std::vector<std::string> reals, uint16_t slow_start_s = 60) {
  auto config = config_of({service("11.0.0.1", std::move(reals))});
  config.services[0].slow_start_s = slow_start_s;
  return config;
}

TEST(Model, ARealThatComesToOthersGetsItsShareInTenSteps) {
  Model model;
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1"}), 0).ok());
  EXPECT_EQ(ramps(model), Tenths({10})) << "the first ones have nobody to be spared by";
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1", "10.0.0.2"}), 100).ok());
  EXPECT_EQ(ramps(model), Tenths({10, 1}));
  (void)model.take_dirty();
  for (uint32_t step = 2; step <= 10; ++step) {
    const int64_t next_s = 100 + (step - 1) * 6;
    ASSERT_EQ(model.next_deadline_s(), next_s);
    EXPECT_FALSE(model.advance(next_s - 1));
    EXPECT_TRUE(model.advance(next_s));
    EXPECT_EQ(ramps(model), Tenths({10, step}));
    EXPECT_EQ(model.take_dirty().size(), 1u) << "each step is to be compiled";
  }
  EXPECT_EQ(model.next_deadline_s(), kNever);
}

TEST(Model, AShortSlowStartSkipsStepsAndALateOneCatchesUp) {
  Model model;
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1"}, 3), 0).ok());
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1", "10.0.0.2"}, 3), 10).ok());
  EXPECT_TRUE(model.advance(11));
  EXPECT_EQ(ramps(model), Tenths({10, 4}));
  EXPECT_TRUE(model.advance(1000));
  EXPECT_EQ(ramps(model), Tenths({10, 10}));
  EXPECT_EQ(model.next_deadline_s(), kNever);
}

TEST(Model, AnUpdateOfOthersNeitherEndsNorRestartsASlowStart) {
  Model model;
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1"}), 0).ok());
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1", "10.0.0.2"}), 100).ok());
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1", "10.0.0.2", "10.0.0.3"}), 130).ok());
  EXPECT_EQ(ramps(model), Tenths({10, 6, 1}));
}

TEST(Model, ARealThatComesBackStartsSlowlyAgain) {
  const auto both = slow_starting({"10.0.0.1", "10.0.0.2"});
  Model model;
  ASSERT_TRUE(model.update(both, 0).ok());
  EXPECT_EQ(ramps(model), Tenths({10, 10}));
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1"}), 10).ok());
  ASSERT_TRUE(model.update(both, 20).ok());
  EXPECT_EQ(ramps(model), Tenths({10, 1}));
}

TEST(Model, WhereAllRealsChangeAtOnceNoneStartsSlowly) {
  Model model;
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1"}), 0).ok());
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.2", "10.0.0.3"}), 10).ok());
  EXPECT_EQ(real_at(model, "11.0.0.1", "10.0.0.2").ramp, 10u);
  EXPECT_EQ(real_at(model, "11.0.0.1", "10.0.0.3").ramp, 10u);
}

TEST(Model, ASlowStartThatIsTakenFromTheConfigurationEnds) {
  Model model;
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1"}), 0).ok());
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1", "10.0.0.2"}), 10).ok());
  ASSERT_TRUE(model.update(slow_starting({"10.0.0.1", "10.0.0.2"}, 0), 11).ok());
  EXPECT_EQ(ramps(model), Tenths({10, 10}));
  EXPECT_EQ(model.next_deadline_s(), kNever);
}

TEST(Model, ARealOfWeightZeroDrainsForAsLongAsItIsConfigured) {
  auto config = config_of({service("11.0.0.1", {"10.0.0.1"})});
  Model model;
  ASSERT_TRUE(model.update(config, 0).ok());
  config.services[0].reals[0].weight = 0;
  ASSERT_TRUE(model.update(config, 1).ok());
  EXPECT_EQ(real_at(model, "11.0.0.1", "10.0.0.1").state, RealState::kDraining);
  EXPECT_FALSE(model.advance(1'000'000));
  EXPECT_EQ(at(model, "11.0.0.1").reals.size(), 1u);
}

TEST(Model, AServiceThatVanishedRefusesForTheLongerOfTtlAndDrainTime) {
  Model model;
  ASSERT_TRUE(model.update(config_of({service("11.0.0.1", {"10.0.0.1"})}), 0).ok());
  Config without = config_of({});
  without.dns.ttl_s = 500;
  ASSERT_TRUE(model.update(without, 10).ok());
  EXPECT_FALSE(at(model, "11.0.0.1").is_configured());
  EXPECT_EQ(real_at(model, "11.0.0.1", "10.0.0.1").state, RealState::kDraining);
  EXPECT_FALSE(model.advance(509));
  EXPECT_TRUE(model.advance(510));
  EXPECT_TRUE(model.services().empty());
}

TEST(Model, TheLongestTimeThatAServicesNameMayBeKeptCounts) {
  Config config = config_of({});
  config.dns.ttl_s = 5;
  config.dns.zones.resize(2);
  config.dns.zones[1].services = true;
  config.dns.zones[0].ttl_s = 900;
  EXPECT_EQ(service_names_ttl_s(config), 5u);
  config.dns.ttl = {{DnsType::kSrv, 30}, {DnsType::kTxt, 400}};
  EXPECT_EQ(service_names_ttl_s(config), 30u);
  config.dns.zones[1].ttl_s = 7;
  EXPECT_EQ(service_names_ttl_s(config), 7u);
  config.dns.zones[1].ttl = {{DnsType::kAaaa, 70}};
  EXPECT_EQ(service_names_ttl_s(config), 70u);
}

TEST(Model, AServiceThatComesBackGoesOnUnderItsIds) {
  const auto with = config_of({service("11.0.0.1", {"10.0.0.1"})});
  Model model;
  ASSERT_TRUE(model.update(with, 0).ok());
  const ModelService before = at(model, "11.0.0.1");
  ASSERT_TRUE(model.update(config_of({}), 10).ok());
  ASSERT_TRUE(model.update(with, 50).ok());
  EXPECT_EQ(at(model, "11.0.0.1").index, before.index);
  EXPECT_EQ(at(model, "11.0.0.1").flow_id, before.flow_id);
  EXPECT_EQ(real_at(model, "11.0.0.1", "10.0.0.1").state, RealState::kUp);
  EXPECT_EQ(real_at(model, "11.0.0.1", "10.0.0.1").id.value, before.reals.begin()->second.id.value);
  EXPECT_FALSE(model.advance(1'000));
}

TEST(Model, IdsRestUntilNoFlowCanHoldThem) {
  Model model;
  ASSERT_TRUE(model.update(config_of({service("11.0.0.1", {"10.0.0.1"})}), 0).ok());
  const ModelService old = at(model, "11.0.0.1");
  ASSERT_TRUE(model.update(config_of({}), 0).ok());
  ASSERT_TRUE(model.advance(100));  // gone now

  Model early = model;
  const auto next = config_of({service("11.0.0.2", {"10.0.0.2"})});
  ASSERT_TRUE(early.update(next, 100 + kMaxTimeoutSeconds).ok());
  EXPECT_NE(at(early, "11.0.0.2").index, old.index);
  EXPECT_NE(at(early, "11.0.0.2").flow_id, old.flow_id);
  EXPECT_NE(real_at(early, "11.0.0.2", "10.0.0.2").id.value, old.reals.begin()->second.id.value);

  ASSERT_TRUE(model.update(next, 100 + kQuarantineSeconds).ok());
  EXPECT_EQ(at(model, "11.0.0.2").index, old.index);
  const IdPool::Id reused = real_at(model, "11.0.0.2", "10.0.0.2").id;
  EXPECT_EQ(reused.value, old.reals.begin()->second.id.value);
  EXPECT_EQ(reused.generation, 1u);
}

TEST(Model, NatServicesShareTheReturnIdOfARealAndOfItsProtocolOnly) {
  auto udp = service("11.0.0.3", {"10.0.0.1"}, Mode::kNat);
  udp.protocol = Protocol::kUdp;
  Model model;
  ASSERT_TRUE(model
                  .update(config_of({service("11.0.0.1", {"10.0.0.1"}, Mode::kNat),
                                     service("11.0.0.2", {"10.0.0.1"}, Mode::kNat), udp}),
                          0)
                  .ok());
  const uint32_t id = real_at(model, "11.0.0.1", "10.0.0.1").return_flow_id;
  EXPECT_NE(id, 0u);
  EXPECT_EQ(real_at(model, "11.0.0.2", "10.0.0.1").return_flow_id, id);
  const auto& other = model.services().at({ip("11.0.0.3"), 80, Protocol::kUdp});
  EXPECT_NE(other.reals.begin()->second.return_flow_id, id);
}

TEST(Model, Ipv4ServicesBeyondTheShortIdsAreServedToo) {
  Config config;
  auto one = service("11.0.0.1", {});
  for (uint32_t i = 0; i < 65'536; ++i) {
    one.vip = Ipv4Address{Be32(0x0b000000 + i)};
    config.services.push_back(one);
  }
  Model model;
  const auto change = model.update(config, 0);
  ASSERT_TRUE(change.ok()) << change.error();
  EXPECT_EQ(model.services().size(), 65'536u);
}

TEST(Model, AVipThatBecomesADnsAddressIsGivenUpAtOnce) {
  Model model;
  ASSERT_TRUE(model.update(config_of({service("11.0.0.1", {"10.0.0.1"})}), 0).ok());
  Config next = config_of({});
  next.dns.listen = {ip("11.0.0.1")};
  ASSERT_TRUE(model.update(next, 1).ok());
  EXPECT_TRUE(model.services().empty());
}

}  // namespace
}  // namespace vipgate::model_test
