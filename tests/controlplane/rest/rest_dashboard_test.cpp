#include "controlplane/rest/rest_dashboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/rest/dashboard_files.h"

namespace vipgate::rest_dashboard_test {
namespace {

using ::testing::HasSubstr;

class DashboardRoutes : public ::testing::Test {
 protected:
  DashboardRoutes() { add_dashboard_routes(router_); }

  // As nobody asks.
  ApiResponse ask(const std::string& target) {
    ApiRequest request;
    request.method = "GET";
    ApiResponse answer;
    router_.route(std::move(request), target,
                  [&](ApiResponse response) { answer = std::move(response); });
    return answer;
  }
  static std::string header(const ApiResponse& response, const std::string& name) {
    for (const auto& [known, value] : response.headers) {
      if (known == name) return value;
    }
    return {};
  }

  const std::string below_ = "/dashboard/" + std::string(dashboard_version()) + "/";
  HttpRouter router_;
};

TEST_F(DashboardRoutes, ThePageIsForEverybodyAndRunsNothingOfOthers) {
  for (const char* path : {"/", "/dashboard"}) {
    const ApiResponse page = ask(path);
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
    EXPECT_THAT(page.body, HasSubstr("src=\"" + below_ + "main.js\""));
    EXPECT_EQ(header(page, "Cache-Control"), "no-cache");
    EXPECT_THAT(header(page, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
  }
}

TEST_F(DashboardRoutes, EachFileHasItsTypeAndIsKeptForEver) {
  const std::pair<const char*, const char*> types[] = {
      {"main.js", "text/javascript; charset=utf-8"},
      {"dashboard.css", "text/css; charset=utf-8"},
      {"icon.svg", "image/svg+xml"}};
  for (const auto& [name, type] : types) {
    const ApiResponse file = ask(below_ + name);
    EXPECT_EQ(file.status, 200) << name;
    EXPECT_EQ(file.content_type, type);
    EXPECT_THAT(header(file, "Cache-Control"), HasSubstr("immutable"));
    EXPECT_FALSE(file.body.empty());
  }
}

TEST_F(DashboardRoutes, FilesOfAnotherVersionOrNameAreNotThere) {
  EXPECT_EQ(ask("/dashboard/0123456789abcdef/main.js").status, 404);
  EXPECT_EQ(ask(below_ + "nothing.js").status, 404);
  EXPECT_EQ(ask(below_ + "..%2Fmain.js").status, 404);
}

TEST_F(DashboardRoutes, EveryModuleThatIsImportedIsThere) {
  for (const DashboardFile& file : dashboard_files()) {
    for (size_t at = 0; (at = file.body.find("from './", at)) != std::string_view::npos;) {
      at += 8;
      const std::string name(file.body.substr(at, file.body.find('\'', at) - at));
      EXPECT_EQ(ask(below_ + name).status, 200) << file.name << " imports " << name;
    }
  }
}

}  // namespace
}  // namespace vipgate::rest_dashboard_test
