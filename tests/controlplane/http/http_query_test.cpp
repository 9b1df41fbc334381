#include "controlplane/http/http_query.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace vipgate::http_query_test
