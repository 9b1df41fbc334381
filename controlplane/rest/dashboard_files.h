// The files of dashboard/, as they were when this was built.
#pragma once

#include <span>
#include <string_view>

namespace vipgate {

struct DashboardFile {
  std::string_view name;
  std::string_view body;
};

// The definitions are made by dashboard/embed.cmake.
std::span<const DashboardFile> dashboard_files();
// Another one whenever any of them is another: the page asks for the others below it.
std::string_view dashboard_version();

}  // namespace vipgate
