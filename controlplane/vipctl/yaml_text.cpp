#include "controlplane/vipctl/yaml_text.h"

#include <yaml-cpp/yaml.h>

#include "controlplane/vipctl/json_members.h"

namespace vipgate {
namespace {

using web::json::value;

void emit(YAML::Emitter& emitter, const value& what) {
  if (what.is_object()) {
    emitter << YAML::BeginMap;
    for (const auto& [name, member] : what.as_object()) {
      emitter << YAML::Key << name << YAML::Value;
      emit(emitter, member);
    }
    emitter << YAML::EndMap;
  } else if (what.is_array()) {
    emitter << YAML::BeginSeq;
    for (const value& element : what.as_array()) emit(emitter, element);
    emitter << YAML::EndSeq;
  } else if (what.is_string()) {
    std::error_code error;
    value::parse(what.as_string(), error);
    if (!error) emitter << YAML::DoubleQuoted;
    emitter << what.as_string();
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
