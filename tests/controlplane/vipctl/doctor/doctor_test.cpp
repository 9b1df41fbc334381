#include "controlplane/vipctl/doctor/doctor.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/controlplane/vipctl/doctor/fake_machine.h"

namespace vipgate {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(VipctlDoctor, TheWorstStandsFirstEachWithWhatMendsIt) {
  const FakeMachine machine;  // without anything
  const Findings findings = examine(machine.tree(), doctor_config());
  EXPECT_TRUE(has_bad(findings));
  EXPECT_TRUE(std::is_sorted(findings.begin(), findings.end(),
                             [](const Finding& a, const Finding& b) { return a.level < b.level; }));
  for (const Finding& finding : findings) {
    EXPECT_EQ(finding.mend.empty(), finding.level == FindingLevel::kOk) << finding.check;
  }
}

TEST(VipctlDoctor, AConfigurationThatCannotBeReadIsBadAndTheRestIsExaminedStill) {
  const FakeMachine machine;
  const Findings findings = examine(machine.tree(), Error{"v.yaml:1:1: no"});
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].check, "configuration");
  EXPECT_EQ(findings[0].level, FindingLevel::kBad);
  EXPECT_THAT(findings_view(findings), HasSubstr("clock_source"));
  EXPECT_THAT(findings_view(findings), Not(HasSubstr("isolcpus")));
}

TEST(VipctlDoctor, ViewsTellTheSame) {
  const Findings findings = {bad("driver", "no driver", "bind it"), well("swap", "none")};
  EXPECT_EQ(findings_view(findings),
            "bad  driver: no driver\n       bind it\nok   swap: none\n"
            "1 bad, 0 to be better, 1 well\n");
  const auto json = findings_json(findings);
  EXPECT_EQ(json.at("bad").as_integer(), 1);
  EXPECT_EQ(json.at("findings").at(0).at("mend").as_string(), "bind it");
  EXPECT_TRUE(json.at("findings").at(1).at("mend").is_null());
}

TEST(VipctlDoctor, WhatFilesSayDoesNothingToTheTerminal) {
  const Findings findings = {warning("x", "a\x1b[2Jb\nc", "d\x1b[31m")};
  EXPECT_THAT(findings_view(findings), HasSubstr("a\\x1b[2Jb\\x0ac\n       d\\x1b[31m\n"));
}

}  // namespace
}  // namespace vipgate
