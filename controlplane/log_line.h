// How an event's sentence and its fields come to the log's formatters, which get one text.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace vipgate {

// A name, which has only letters and underscores, and a text or a number.
class LogField {
 public:
  LogField(std::string_view name, std::string_view text);
  template <std::integral Number>
  LogField(std::string_view name, Number number) : LogField(name, std::to_string(number), Raw()) {}
  // Of a value that is JSON already; empty: null.
  static LogField json(std::string_view name, std::string_view value) {
    return {name, value.empty() ? "null" : value, Raw()};
  }

  const std::string& packed() const { return packed_; }

 private:
  struct Raw {};
  LogField(std::string_view name, std::string_view json, Raw);

  std::string packed_;  // as PackedLine has it
};

// The fields of an event stand behind its sentence, each behind a separator that no JSON has.
std::string packed_line(std::string_view event, std::initializer_list<LogField> fields,
                        std::string sentence);

// A line's parts. A usual one, which nothing packed, has no fields.
struct PackedLine {
  explicit PackedLine(std::string_view payload);
  // `name=value name="two words"`: without JSON's quotes where a value needs none.
  std::string fields_as_text() const;
  // `,"name":value`: to stand behind other members.
  std::string fields_as_json() const;

  std::string_view sentence;
  std::string_view fields;  // each begins with the separator
};

}  // namespace vipgate
