#include "controlplane/vipctl/doctor/system_tree.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string_view>

namespace vipgate {
namespace {

namespace fs = std::filesystem;

// All of `text`; nothing: it is no number.
template <class Number>
std::optional<Number> read_decimal(std::string_view text) {
  Number number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::string> SystemTree::text(const std::string& path) const {
  std::ifstream file(root_ + path);
  if (!file) return std::nullopt;
  std::string all(std::istreambuf_iterator<char>(file), {});
  all.erase(all.find_last_not_of(" \t\n") + 1);
  return all;
}

std::optional<int64_t> SystemTree::number(const std::string& path) const {
  const auto all = text(path);
  return all ? read_decimal<int64_t>(*all) : std::nullopt;
}

bool SystemTree::exists(const std::string& path) const {
  std::error_code error;
  return fs::exists(root_ + path, error);
}

std::vector<std::string> SystemTree::names(const std::string& path) const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(root_ + path, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string SystemTree::link_name(const std::string& path) const {
  std::error_code error;
  const fs::path target = fs::read_symlink(root_ + path, error);
  return error ? "" : target.filename().string();
}

std::vector<std::string> SystemTree::processes(const std::string& name) const {
  std::vector<std::string> ids;
  for (const std::string& id : names("/proc")) {
    if (read_decimal<int>(id) && text("/proc/" + id + "/comm") == name) ids.push_back(id);
  }
  return ids;
}

std::vector<int> cpus_of(const std::string& list) {
  constexpr int kMostCpus = 1 << 16;
  std::set<int> cpus;
  for (size_t start = 0; start < list.size();) {
    const size_t end = std::min(list.find(',', start), list.size());
    const std::string_view part = std::string_view(list).substr(start, end - start);
    const size_t dash = part.find('-');
    const auto first = read_decimal<int>(part.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : read_decimal<int>(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last >= kMostCpus) return {};
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.insert(cpu);
    start = end + 1;
  }
  return {cpus.begin(), cpus.end()};
}

std::string cpu_list(const std::vector<int>& cpus) {
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(cpus[i]);
    if (last > i) text += "-" + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace vipgate
