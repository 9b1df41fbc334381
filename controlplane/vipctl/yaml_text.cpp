#include "controlplane/vipctl/yaml_text.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "controlplane/vipctl/json_members.h"

namespace vipgate {
namespace {

using web::json::value;

// What YAML 1.1 takes for a truth value, for nothing, or for a key or value of its own.
constexpr std::array<std::string_view, 13> kYamlWords = {
    "", "~", "y", "n", "yes", "no", "on", "off", "true", "false", "null", "<<", "="};

// Numbers, also 0x1f, 1_000, 190:20:30 and .inf, and dates; and some that are none, which quotes do
// not hurt. Addresses of IPv4 have more dots than any.
bool may_be_number(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text == ".inf" || text == ".nan") return true;
  const bool begins_as_one =
      !text.empty() && (text[0] == '.' || (text[0] >= '0' && text[0] <= '9'));
  return begins_as_one && std::count(text.begin(), text.end(), '.') <= 1 &&
         text.find_first_not_of("0123456789abcdefox_.:+-tz ") == std::string_view::npos;
}

bool needs_quotes(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kYamlWords.begin(), kYamlWords.end(), text) != kYamlWords.end() ||
         may_be_number(text);
}

void emit_text(YAML::Emitter& emitter, const std::string& text) {
  if (needs_quotes(text)) emitter << YAML::DoubleQuoted;
  emitter << text;
}

void emit(YAML::Emitter& emitter, const value& what) {
  if (what.is_object()) {
    emitter << YAML::BeginMap;
    for (const auto& [name, member] : what.as_object()) {
      emitter << YAML::Key;
      emit_text(emitter, name);
      emitter << YAML::Value;
      emit(emitter, member);
    }
    emitter << YAML::EndMap;
  } else if (what.is_array()) {
    emitter << YAML::BeginSeq;
    for (const value& element : what.as_array()) emit(emitter, element);
    emitter << YAML::EndSeq;
  } else if (what.is_string()) {
    emit_text(emitter, what.as_string());
  } else if (what.is_null()) {
    emitter << YAML::Null;
  } else {
    emitter << scalar_text(what);
  }
}

}  // namespace

Result<std::string> yaml_text(const value& what) {
  YAML::Emitter emitter;
  emit(emitter, what);
  if (!emitter.good()) {
    return Error{"the answer cannot be written as YAML: " + emitter.GetLastError()};
  }
  return std::string(emitter.c_str()) + "\n";
}

}  // namespace vipgate
