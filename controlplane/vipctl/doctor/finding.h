// What the doctor finds of a machine.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace vipgate {

// kWarning: the gateway runs, and slower or less surely than it could; kBad: it does not start, or
// does not do what it is to.
enum class FindingLevel : uint8_t { kBad, kWarning, kOk };

struct Finding {
  FindingLevel level;
  std::string check;  // a word: huge_pages
  std::string text;   // what is so; as the machine tells it, so not for a terminal as it stands
  std::string mend;   // a command, or what to change where; empty with kOk
};

using Findings = std::vector<Finding>;

inline Finding well(std::string check, std::string text) {
  return {FindingLevel::kOk, std::move(check), std::move(text), ""};
}
inline Finding warning(std::string check, std::string text, std::string mend) {
  return {FindingLevel::kWarning, std::move(check), std::move(text), std::move(mend)};
}
inline Finding bad(std::string check, std::string text, std::string mend) {
  return {FindingLevel::kBad, std::move(check), std::move(text), std::move(mend)};
}

}  // namespace vipgate
