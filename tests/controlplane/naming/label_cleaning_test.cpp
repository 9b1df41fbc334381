#include "controlplane/naming/label_cleaning.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "common/dns_wire.h"

namespace vipgate::label_cleaning_test {
namespace {

std::string repeat(size_t count, char c) { return std::string(count, c); }

std::string wire_of(PlainName name) {
  std::array<char, kDnsMaxName> octets;
  return std::string(plain_wire_name(name, octets));
}

TEST(CleanVipName, FollowsDcosNetOnItsOwnExamples) {
  EXPECT_EQ(clean_vip_name("/redis"), "redis");
  EXPECT_EQ(clean_vip_name("/prod/redis"), "prodredis");
  EXPECT_EQ(clean_vip_name("/api.hello-world"), "api.hello-world");
  EXPECT_EQ(clean_vip_name("/UPPER_Case"), "upper-case");
  EXPECT_EQ(clean_vip_name("Kafka.Prod"), "kafka.prod");
  EXPECT_EQ(clean_vip_name("dev/group"), "devgroup");
  EXPECT_EQ(clean_vip_name("/"), "");
  EXPECT_EQ(clean_vip_name("/x.$.y"), "x..y");
  EXPECT_EQ(clean_vip_name("..a..b.."), "a.b");
  EXPECT_EQ(clean_vip_name("--a-b--"), "a-b");
  EXPECT_EQ(clean_vip_name("fd01:c::3"), "fd01c3");
}

TEST(CleanVipName, ACutLabelLosesItsHyphensAndIsRefilledWithLettersAndDigitsOnly) {
  EXPECT_EQ(clean_vip_name(repeat(70, 'a')), repeat(63, 'a'));
  EXPECT_EQ(clean_vip_name(repeat(60, 'a') + "----b-c-d-e"), repeat(60, 'a') + "bcd");
  EXPECT_EQ(clean_vip_name(repeat(62, 'a') + "-b"), repeat(62, 'a') + "b");
}

TEST(CleanVipLabel, DotsAreHyphens) {
  EXPECT_EQ(clean_vip_label("web.prod"), "web-prod");
  EXPECT_EQ(clean_vip_label("/group/App.x"), "groupapp-x");
}

TEST(CleanMesosDnsLabel, FollowsMesosDnsOnItsOwnExamples) {
  EXPECT_EQ(clean_mesos_dns_label("big.dog", false), "big-dog");
  EXPECT_EQ(clean_mesos_dns_label("a b/c*d\xc3\xa4_E", false), "abcd-e");
  EXPECT_EQ(clean_mesos_dns_label(repeat(62, 'x') + "-yz", false), repeat(62, 'x') + "y");
  EXPECT_EQ(clean_mesos_dns_label(repeat(60, 'a') + "----" + repeat(10, 'b'), false),
            repeat(60, 'a') + "bbb");
  EXPECT_EQ(clean_mesos_dns_label("fd%gsf---gs7-f$gs--d7fddg-123", true),
            "fdgsf---gs7-fgs--d7fddg1");
  EXPECT_EQ(clean_mesos_dns_label("-1a", false), "1a");
  EXPECT_EQ(clean_mesos_dns_label("-1-2a", true), "a");
  EXPECT_EQ(clean_mesos_dns_label("a--", false), "a");
  EXPECT_EQ(clean_mesos_dns_label("/", false), "");
}

TEST(CleanMesosDnsLabel, ARefillMayEndInAHyphen) {
  EXPECT_EQ(clean_mesos_dns_label(repeat(61, 'a') + "--b-c", false), repeat(61, 'a') + "b-");
}

TEST(CleanMesosDnsDomain, EachPartIsALabelAndEmptyOnesGo) {
  EXPECT_EQ(clean_mesos_dns_domain("marathon-0.6.0-dev", false), "marathon-0.6.0-dev");
  EXPECT_EQ(clean_mesos_dns_domain("dev/group.teamA", false), "devgroup.teama");
  const std::string chronos = "chronos with a space AND MIXED CASE-2.0.1";
  EXPECT_EQ(clean_mesos_dns_domain(chronos, false), "chronoswithaspaceandmixedcase-2.0.1");
  EXPECT_EQ(clean_mesos_dns_domain(chronos, true), "chronoswithaspaceandmixe");
  EXPECT_EQ(clean_mesos_dns_domain("..", false), "");
}

TEST(TaskHash, AgreesWithMesosDns) {
  EXPECT_EQ(task_hash("test"), "iffe9");
  EXPECT_EQ(task_hash(""), "5eh48");
  EXPECT_EQ(task_hash("liquor-store.b8db9f73-562f-11e4-a088-c20493233aa5"), "4dfjd");
  EXPECT_EQ(task_hash("many.0"), "faymg");
}

TEST(AgentTail, IsWhatFollowsTheLastHyphen) {
  EXPECT_EQ(agent_tail("20140803-125133-3041283216-5050-2410-0"), "0");
  EXPECT_EQ(agent_tail("5e8a1d1c-27d2-4b4f-S12"), "s12");
  EXPECT_EQ(agent_tail("S1"), "s1");
  EXPECT_EQ(agent_tail(""), "");
}

TEST(PlainName, AFaultIsNamedAndEverythingElseHasAWireForm) {
  EXPECT_EQ(dns_name_fault("a.b"), nullptr);
  EXPECT_STREQ(dns_name_fault(""), "a label of it is empty");
  EXPECT_STREQ(dns_name_fault(".a"), "a label of it is empty");
  EXPECT_STREQ(dns_name_fault("a..b"), "a label of it is empty");
  EXPECT_EQ(dns_name_fault(repeat(63, 'a') + ".b"), nullptr);
  EXPECT_STREQ(dns_name_fault(repeat(64, 'a') + ".b"), "a label of it is longer than 63 octets");
  const std::string three = repeat(63, 'a') + "." + repeat(63, 'a') + "." + repeat(63, 'a') + ".";
  EXPECT_EQ(dns_name_fault(three + repeat(61, 'a')), nullptr);
  EXPECT_STREQ(dns_name_fault(three + repeat(62, 'a')), "the name is longer than 255 octets");
  EXPECT_EQ(wire_of({"Redis.a"}), std::string("\5redis\1a\0", 9));
  EXPECT_EQ(wire_of({"Re", "dis.", "a"}), std::string("\5redis\1a\0", 9));
}

// Text of every kind of octet, with those that matter often.
rc::Gen<std::string> any_text() {
  return rc::gen::container<std::string>(
      rc::gen::weightedOneOf<char>({{6, rc::gen::elementOf(std::string("-._-.-aZ09/ "))},
                                    {3, rc::gen::inRange('a', 'z')},
                                    {1, rc::gen::arbitrary<char>()}}));
}
// Long enough that labels are cut.
rc::Gen<std::string> long_text() { return rc::gen::resize(400, any_text()); }

bool is_label_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

RC_GTEST_PROP(CleanVipLabel, HoldsLettersDigitsAndInnerHyphensAtMost63, ()) {
  const std::string label = clean_vip_label(*long_text());
  RC_ASSERT(label.size() <= kDnsMaxLabel);
  RC_ASSERT(std::all_of(label.begin(), label.end(), is_label_character));
  RC_ASSERT(!label.starts_with('-') && !label.ends_with('-'));
}

RC_GTEST_PROP(CleanVipName, CleanedTwiceIsCleanedOnceWhenNoLabelIsEmpty, ()) {
  const std::string name = clean_vip_name(*long_text());
  RC_PRE(name.find("..") == std::string::npos && !name.starts_with('.') && !name.ends_with('.'));
  RC_ASSERT(clean_vip_name(name) == name);
}

RC_GTEST_PROP(CleanVipName, CaseAndUnderscoresDoNotMatter, ()) {
  const std::string text = *long_text();
  std::string other = text;
  for (char& c : other) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (c == '-') c = '_';
  }
  RC_ASSERT(clean_vip_name(other) == clean_vip_name(text));
}

RC_GTEST_PROP(CleanMesosDnsLabel, IsOneLegalLabelOrEmpty, (bool rfc952)) {
  const std::string label = clean_mesos_dns_label(*long_text(), rfc952);
  RC_ASSERT(label.size() <= (rfc952 ? 24u : 63u));
  RC_ASSERT(std::all_of(label.begin(), label.end(), is_label_character));
  RC_ASSERT(!label.starts_with('-'));
  if (rfc952 && !label.empty()) RC_ASSERT(label[0] >= 'a' && label[0] <= 'z');
}

RC_GTEST_PROP(CleanMesosDnsLabel, ShortTextKeepsAllItsLettersAndDigitsInOrder, ()) {
  const std::string text =
      *rc::gen::suchThat(any_text(), [](const std::string& t) { return t.size() <= kDnsMaxLabel; });
  const auto letters = [](const std::string& from) {
    std::string kept;
    for (const char c : from) {
      const char lower = static_cast<char>(dns_fold(static_cast<uint8_t>(c)));
      if (is_label_character(lower) && lower != '-') kept += lower;
    }
    return kept;
  };
  RC_ASSERT(letters(clean_mesos_dns_label(text, false)) == letters(text));
}

RC_GTEST_PROP(CleanMesosDnsDomain, IsEmptyOrHasNoEmptyLabel, (bool rfc952)) {
  const std::string domain = clean_mesos_dns_domain(*long_text(), rfc952);
  RC_ASSERT(domain.find("..") == std::string::npos);
  RC_ASSERT(!domain.starts_with('.') && !domain.ends_with('.'));
}

RC_GTEST_PROP(PlainName, WithoutAFaultItIsTheWireNameOfItsText, ()) {
  std::string text = *long_text();
  text.erase(std::remove(text.begin(), text.end(), '\\'), text.end());
  const bool fits = dns_name_fault(text) == nullptr;
  RC_ASSERT(wire_of({text}).empty() == !fits);
  RC_PRE(fits);
  const auto wire = dns_name_from_text(text);
  RC_ASSERT(wire.ok());
  RC_ASSERT(wire_of({text}) == dns_fold(*wire));
}

RC_GTEST_PROP(PlainName, AFaultIsWhatTheWireRefuses, ()) {
  std::string text = *long_text();
  text.erase(std::remove(text.begin(), text.end(), '\\'), text.end());
  RC_PRE(!text.empty() && !text.ends_with('.'));
  const bool fits = dns_name_fault(text) == nullptr;
  RC_ASSERT(fits == dns_name_from_text(text).ok());
}

}  // namespace
}  // namespace vipgate::label_cleaning_test
