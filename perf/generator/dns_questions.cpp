#include "perf/generator/dns_questions.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/dns_wire.h"

namespace vipgate::generator {
namespace {

struct TypeName {
  std::string_view name;
  uint16_t type;
};
constexpr TypeName kTypes[] = {{"A", 1},    {"NS", 2},    {"SOA", 6},
                               {"TXT", 16}, {"AAAA", 28}, {"SRV", 33}};

void append_be16(DnsQuestion& question, uint16_t value) {
  question.push_back(static_cast<uint8_t>(value >> 8));
  question.push_back(static_cast<uint8_t>(value));
}

}  // namespace

Result<DnsQuestion> parse_dns_question(std::string_view line) {
  const size_t space = line.find(' ');
  std::string_view name = line.substr(0, space);
  const std::string_view type = space == line.npos ? "A" : line.substr(space + 1);
  if (name.ends_with('.')) name.remove_suffix(1);
  DnsQuestion question;
  for (size_t at = 0; at <= name.size();) {
    const std::string_view label = name.substr(at, name.find('.', at) - at);
    if (label.empty() || label.size() > kDnsMaxLabel) {
      return Error{"'" + std::string(name) + "' is no name: labels have 1 to 63 characters"};
    }
    question.push_back(static_cast<uint8_t>(label.size()));
    question.insert(question.end(), label.begin(), label.end());
    at += label.size() + 1;
  }
  question.push_back(0);
  if (question.size() > kDnsMaxName) return Error{"'" + std::string(name) + "' is too long"};
  for (const TypeName& known : kTypes) {
    if (known.name != type) continue;
    append_be16(question, known.type);
    append_be16(question, 1);  // IN
    return question;
  }
  return Error{"'" + std::string(type) + "' is no type: give A, AAAA, NS, SOA, SRV or TXT"};
}

Result<std::vector<DnsQuestion>> read_dns_questions(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{"cannot read " + path + ": " + std::strerror(errno)};
  std::vector<DnsQuestion> questions;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line.starts_with('#')) continue;
    auto question = parse_dns_question(line);
    if (!question.ok()) return Error{path + ":" + std::to_string(number) + ": " + question.error()};
    questions.push_back(std::move(question).value());
  }
  if (questions.empty()) return Error{path + " has no question: give a name on each line"};
  return questions;
}

}  // namespace vipgate::generator
