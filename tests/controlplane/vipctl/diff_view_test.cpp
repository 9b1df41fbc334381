#include "controlplane/vipctl/diff_view.h"

#include <gtest/gtest.h>

#include "controlplane/vipctl/api_client.h"

namespace vipgate {
namespace {

std::string diff(const char* plan) { return diff_view(parse_object(plan).value()); }

TEST(VipctlDiff, MarksWhatComesChangesAndGoes) {
  EXPECT_EQ(diff(R"({"added":["a"],"changed":["b","c"],"removed":["d"]})"), "+ a\n~ b\n~ c\n- d\n");
  EXPECT_EQ(diff(R"({"added":[],"changed":[],"removed":[]})"), "");
}

TEST(VipctlDiff, BelowAServiceThatChangesStandsWhatOfItDoes) {
  EXPECT_EQ(diff(R"({"added":[],"changed":["b"],"removed":[],"documents":{"b":{
"before":{"name":"web","port":80,"mode":"nat","health":{"type":"tcp","fall":3},
          "reals":[{"address":"10.0.0.1"},{"address":"10.0.0.2","weight":5}]},
"after":{"name":"web","port":80,"hash":"source","health":{"type":"tcp","fall":4},
         "reals":[{"address":"10.0.0.2","weight":6},{"address":"10.0.0.1"}]}}}})"),
            "~ b\n"
            "    - mode: nat\n"
            "    - health.fall: 3\n"
            "    + health.fall: 4\n"
            "    - reals: {\"address\":\"10.0.0.2\",\"weight\":5}\n"
            "    + reals: {\"address\":\"10.0.0.2\",\"weight\":6}\n"
            "    + hash: source\n");
}

TEST(VipctlDiff, AListInAnotherOrderIsSaidToBe) {
  EXPECT_EQ(diff(R"({"added":[],"changed":["b"],"removed":[],"documents":{"b":{
"before":{"reals":[1,2,2]},"after":{"reals":[2,1,2]}}}})"),
            "~ b\n    ~ reals: in another order\n");
}

TEST(VipctlDiff, WhatADocumentHoldsDoesNothingToTheTerminal) {
  EXPECT_EQ(diff(R"({"added":[],"changed":["b"],"removed":[],"documents":{"b":{
"before":{"host":"a"},"after":{"host":"\u001b[2J"}}}})"),
            "~ b\n    - host: a\n    + host: \\x1b[2J\n");
}

}  // namespace
}  // namespace vipgate
