#include "controlplane/log_line.h"

#include <algorithm>

#include "common/json_text.h"

namespace vipgate {
namespace {

constexpr char kFieldSeparator = '\x1f';

// Calls visit(name, json) for each.
template <class Visit>
void for_each_field(std::string_view fields, Visit&& visit) {
  while (!fields.empty()) {
    fields.remove_prefix(1);
    const std::string_view field = fields.substr(0, fields.find(kFieldSeparator));
    const size_t sign = field.find('=');
    visit(field.substr(0, sign), field.substr(sign + 1));
    fields.remove_prefix(field.size());
  }
}

// A JSON text as it is, if nobody could mistake where it ends.
std::string_view without_quotes(std::string_view json) {
  if (json.size() <= 2 || !json.starts_with('"')) return json;
  const std::string_view inner = json.substr(1, json.size() - 2);
  const bool is_plain = inner.find_first_of(" \"\\=") == std::string_view::npos;
  return is_plain ? inner : json;
}

}  // namespace

LogField::LogField(std::string_view name, std::string_view text)
    : LogField(name, json_quote(text), Raw()) {}

LogField::LogField(std::string_view name, std::string_view json, Raw) {
  packed_.append(1, kFieldSeparator).append(name).append(1, '=').append(json);
}

PackedLine::PackedLine(std::string_view payload)
    : sentence(payload.substr(0, payload.find(kFieldSeparator))),
      fields(payload.substr(sentence.size())) {}

std::string PackedLine::fields_as_text() const {
  std::string text;
  for_each_field(fields, [&](std::string_view name, std::string_view json) {
    text.append(text.empty() ? "" : " ").append(name).append("=").append(without_quotes(json));
  });
  return text;
}

std::string PackedLine::fields_as_json() const {
  std::string text;
  for_each_field(fields, [&](std::string_view name, std::string_view json) {
    text.append(",\"").append(name).append("\":").append(json);
  });
  return text;
}

std::string packed_line(std::string_view event, std::initializer_list<LogField> fields,
                        std::string sentence) {
  std::replace(sentence.begin(), sentence.end(), kFieldSeparator, ' ');
  sentence += LogField("event", event).packed();
  for (const LogField& field : fields) sentence += field.packed();
  return sentence;
}

}  // namespace vipgate
