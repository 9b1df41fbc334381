// A change of one service is looked at beside few others. Random rows of changes, held against
// reading and looking at all of them each time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>

#include "controlplane/config/config_reader.h"
#include "controlplane/naming/vip_allocator.h"
#include "controlplane/naming/yaml_vips.h"
#include "controlplane/rest/json_document.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate::rest_services_random_test {
namespace {

// Few addresses, so that names are in each other's way; limits that are met now and then.
constexpr const char* kConfig =
    "ports:\n"
    "  - {name: edge, device: \"net_null0\", addresses: [10.9.0.2/24]}\n"
    "snat_pools: [{name: default, addresses: [10.9.0.100]}]\n"
    "dns: {zones: [{name: l4lb.test, services: true}]}\n"
    "limits: {services: 14, reals: 24, dns_names: 9}\n"
    "named_vips: {ipv4: 11.0.0.0-11.0.0.5}\n"
    "services:\n"
    "  - {name: a, vip: auto, port: 70, reals: [{address: 10.9.0.11, port: 1}]}\n"
    "  - {name: b, vip: 11.0.0.2, port: 70, reals: [{address: 10.9.0.11, port: 1}]}\n";

enum class Way { kAlone, kWithAllOthers };

// The services of the API and the addresses of names, as Feeds brings them together.
class Gateway {
 public:
  explicit Gateway(Way way) : services_(addresses(way)) {
    auto config = parse_config(kConfig, "test.yaml");
    EXPECT_TRUE(config.ok()) << config.error();
    file_ = std::move(*config);
    EXPECT_TRUE(vips_.resolve(file_, allocator_).ok());
    base_ = file_;
    base_.services.clear();
    services_.set_file_services(file_.services);
  }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  RestResult<RestPlan> plan_one(const YamlNodePtr& document, const std::string& id) const {
    return services_.plan_one(document, id, base_);
  }
  RestResult<RestPlan> plan_all(const YamlNodePtr& list) const {
    return services_.plan_all(list, base_);
  }
  RestResult<RestPlan> plan_removal(const std::string& id) const {
    return services_.plan_removal(id, base_);
  }
  void adopt(RestPlan plan) {
    if (plan.is_alone) {
      ++alone_;
      const std::string after = plan.services.empty() ? "" : plan.services.begin()->first;
      const auto before = config_of(plan.removed.empty() ? after : plan.removed.front());
      services_.adopt(std::move(plan));
      const auto now = config_of(after);
      vips_.change(before ? &*before : nullptr, now ? &*now : nullptr, allocator_);
      return;
    }
    services_.adopt(std::move(plan));
    Config all = file_;
    for (const auto& [id, service] : services_.services()) all.services.push_back(service.config);
    EXPECT_TRUE(vips_.resolve(all, allocator_).ok());
    resolved_moves_ = allocator_.moves();
  }
  const RestServices& services() const { return services_; }
  VipAllocator& allocator() { return allocator_; }
  size_t alone() const { return alone_; }

 private:
  RestServices::Addresses addresses(Way way) {
    RestServices::Addresses addresses;
    addresses.resolve = [this](Config& rest) {
      VipAllocator allocator = allocator_;
      YamlVips vips = vips_;
      std::vector<ServiceConfig> made = std::move(rest.services);
      rest.services = file_.services;
      rest.services.insert(rest.services.end(), made.begin(), made.end());
      Status status = vips.resolve(rest, allocator);
      rest.services.erase(rest.services.begin(), std::prev(rest.services.end(), ssize(made)));
      return status;
    };
    if (way == Way::kWithAllOthers) return addresses;
    addresses.resolve_alone = [this](const ServiceConfig* before, const ServiceConfig* after) {
      return allocator_.moves() == resolved_moves_ ? vips_.address_alone(before, after, allocator_)
                                                   : std::nullopt;
    };
    return addresses;
  }
  static ptrdiff_t ssize(const auto& list) { return static_cast<ptrdiff_t>(list.size()); }
  std::optional<ServiceConfig> config_of(const std::string& id) const {
    const auto at = services_.services().find(id);
    return at == services_.services().end() ? std::nullopt : std::optional(at->second.config);
  }

  Config file_;
  Config base_;
  VipAllocator allocator_{parse_config(kConfig, "test.yaml")->named_vips};
  YamlVips vips_;
  RestServices services_;
  uint64_t resolved_moves_ = 0;
  size_t alone_ = 0;
};

std::string text_of(const RestProblem& problem) {
  std::string text = std::to_string(problem.status) + " " + problem.detail;
  for (const FieldError& error : problem.errors) text += "\n" + error.field + ": " + error.detail;
  return text;
}

class RestServicesRandomTest : public ::testing::Test {
 protected:
  size_t draw(size_t below) { return random_() % below; }
  std::string pick(const std::vector<std::string>& from) { return from[draw(from.size())]; }

  std::string no_real() {
    if (draw(3) != 0) return R"("drop")";
    return R"({"fallback":")" + pick({"a", "b", "c", "d", "e"}) + R"("})";
  }
  std::string document() {
    const std::string name = pick({"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"});
    const std::string vip = pick({"auto", "auto", "10.20.0.1", "10.20.0.2", "10.20.0.3", "11.0.0.1",
                                  "11.0.0.3", "10.20.0.0/28", "10.9.0.2", "10.9.0.0/24"});
    const std::string port =
        pick({"80", "80", "81", "\"80-90\"", "\"85-99\"", "\"95-120\"", "\"any\""});
    std::string reals;
    for (size_t i = draw(4); i != 0; --i) {
      reals += (reals.empty() ? "" : ",") + std::string(R"({"address":")") +
               pick({"10.9.0.11", "10.9.0.12", "10.9.0.13", "10.9.0.2"}) + R"(","port":)" +
               pick({"1", "2"}) + R"(,"weight":)" + pick({"1", "2"}) + "}";
    }
    return R"({"name":")" + name + R"(","vip":")" + vip + R"(","port":)" + port +
           R"(,"protocol":")" + pick({"tcp", "tcp", "udp"}) + R"(","mode":")" +
           pick({"fullnat", "nat", "nat"}) + R"(","affinity":")" +
           pick({"none", "none", "none", "source"}) + R"(","no_real":)" + no_real() +
           R"(,"reals":[)" + reals + "]}";
  }
  static YamlNodePtr read(const std::string& text) {
    Diagnostics diagnostics("body");
    auto node = read_json(text, diagnostics);
    EXPECT_NE(node, nullptr) << diagnostics.text();
    return node;
  }
  std::string an_id() {
    const auto& services = alone_.services().services();
    if (services.empty() || draw(10) == 0) return "10.20.0.1:80:tcp";
    return std::next(services.begin(), static_cast<ptrdiff_t>(draw(services.size())))->first;
  }
  std::string change_of(const std::string& id) {
    const auto known = alone_.services().services().find(id);
    std::string text = known == alone_.services().services().end() ? "" : known->second.json;
    const size_t at = text.find(R"("weight":)");
    if (at == std::string::npos || draw(3) == 0) return document();
    text[at + 9] = text[at + 9] == '1' ? '2' : '1';
    return text;
  }

  // Both have planned the same.
  void take(RestResult<RestPlan> alone, RestResult<RestPlan> all) {
    const auto* problem = std::get_if<RestProblem>(&all);
    ASSERT_EQ(alone.index(), all.index())
        << text_of(problem != nullptr ? *problem : std::get<RestProblem>(alone));
    if (problem != nullptr) {
      ++refused_;
      ASSERT_EQ(text_of(std::get<RestProblem>(alone)), text_of(*problem));
      return;
    }
    const RestPlan& a = std::get<RestPlan>(alone);
    const RestPlan& b = std::get<RestPlan>(all);
    ASSERT_EQ(a.added, b.added);
    ASSERT_EQ(a.changed, b.changed);
    ASSERT_EQ(a.removed, b.removed);
    if (draw(8) == 0) return;  // it was a dry run
    alone_.adopt(std::get<RestPlan>(std::move(alone)));
    all_.adopt(std::get<RestPlan>(std::move(all)));
    expect_same();
  }
  void expect_same() {
    ASSERT_EQ(alone_.services().etag(), all_.services().etag());
    const RestServiceMap& a = alone_.services().services();
    const RestServiceMap& b = all_.services().services();
    ASSERT_EQ(a.size(), b.size());
    for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
      ASSERT_EQ(x->first, y->first);
      ASSERT_EQ(x->second.json, y->second.json);
      ASSERT_EQ(x->second.config, y->second.config);
      ASSERT_EQ(x->second.fallback, y->second.fallback);
      with_fallback_ += x->second.fallback.has_value();
    }
    if (draw(16) == 0) expect_good_fallbacks();
    ASSERT_EQ(alone_.allocator().take_dirty(), all_.allocator().take_dirty());
    ASSERT_EQ(alone_.allocator().moves(), all_.allocator().moves());
    ASSERT_EQ(alone_.allocator().collisions(), all_.allocator().collisions());
  }

  void expect_good_fallbacks() {
    std::string list;
    for (const auto& [id, service] : alone_.services().services()) {
      list += (list.empty() ? "" : ",") + service.json;
    }
    const auto whole = alone_.plan_all(read("[" + list + "]"));
    const auto* problem = std::get_if<RestProblem>(&whole);
    // A removal may have left names without an address.
    if (problem != nullptr) {
      ASSERT_THAT(text_of(*problem), ::testing::Not(::testing::HasSubstr("no_real")));
    }
  }

  // One's changes are seen beside few others, the other's beside all.
  Gateway alone_{Way::kAlone};
  Gateway all_{Way::kWithAllOthers};
  std::mt19937 random_{7};
  size_t refused_ = 0;
  size_t with_fallback_ = 0;
};

TEST_F(RestServicesRandomTest, AChangeOfOneEndsAsOneThatIsReadWithAllOthers) {
  constexpr size_t kRounds = 4000;
  for (size_t round = 0; round < kRounds && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    const size_t what = draw(20);
    if (what == 0) {
      std::string list;
      for (size_t i = draw(6); i != 0; --i) list += (list.empty() ? "" : ",") + document();
      const auto all = read("[" + list + "]");
      take(alone_.plan_all(all), all_.plan_all(all));
    } else if (what < 6) {
      const std::string id = an_id();
      take(alone_.plan_removal(id), all_.plan_removal(id));
    } else if (what < 12) {
      const std::string id = an_id();
      const auto one = read(change_of(id));
      take(alone_.plan_one(one, id), all_.plan_one(one, id));
    } else {
      const auto one = read(document());
      take(alone_.plan_one(one, ""), all_.plan_one(one, ""));
    }
  }
  // Else nothing was shown.
  EXPECT_GT(alone_.alone(), kRounds / 10);
  EXPECT_GT(refused_, kRounds / 10);
  EXPECT_GT(with_fallback_, kRounds / 100);
}

}  // namespace
}  // namespace vipgate::rest_services_random_test
