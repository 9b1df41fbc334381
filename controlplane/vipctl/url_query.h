// The part of a URL behind the question mark.
#pragma once

#include <string>

#include "controlplane/vipctl/api_client.h"

namespace vipgate {

class UrlQuery {
 public:
  // One without a value is left out.
  void add(const std::string& name, const std::string& value) {
    if (value.empty()) return;
    text_ += text_.empty() ? "?" : "&";
    text_ += name;
    text_ += "=";
    text_ += url_text(value);
  }
  // "?name=value&…"; empty without any.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace vipgate
