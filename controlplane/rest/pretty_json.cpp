#include "controlplane/rest/pretty_json.h"

#include "common/json_text.h"

namespace vipgate {

void PrettyJson::open(char bracket) {
  begin_value();
  out_ += bracket;
  closers_ += bracket == '{' ? '}' : ']';
  is_first_ = true;
}

void PrettyJson::close() {
  const char closer = closers_.back();
  closers_.pop_back();
  if (!is_first_) out_.append(1, '\n').append(closers_.size(), ' ');
  out_ += closer;
  is_first_ = false;
}

void PrettyJson::key(std::string_view name) {
  begin_item();
  out_ += json_quote(name);
  out_ += ": ";
  is_behind_key_ = true;
}

void PrettyJson::text(std::string_view value) {
  begin_value();
  out_ += json_quote(value);
}

void PrettyJson::number(uint64_t value) {
  begin_value();
  out_ += std::to_string(value);
}

void PrettyJson::flag(bool value) {
  begin_value();
  out_ += value ? "true" : "false";
}

void PrettyJson::begin_item() {
  if (!is_first_) out_ += ',';
  if (!closers_.empty()) out_.append(1, '\n').append(closers_.size(), ' ');
  is_first_ = false;
}

void PrettyJson::begin_value() {
  if (!std::exchange(is_behind_key_, false)) begin_item();
}

}  // namespace vipgate
