// Lines of the log that programs read, too: a sentence for people, then the event's name and what
// it is about, as name=value in the text and as members of their own in JSON.
#pragma once

#include <spdlog/spdlog.h>

#include <initializer_list>
#include <string_view>
#include <utility>

#include "controlplane/log_line.h"

namespace vipgate {

// log_event(spdlog::level::warn, "real_down", {{"real", real}}, "real {} is down", real). Any
// thread.
template <class... Args>
void log_event(spdlog::level::level_enum level, std::string_view event,
               std::initializer_list<LogField> fields, spdlog::format_string_t<Args...> format,
               Args&&... args) {
  spdlog::log(
      level, "{}",
      packed_line(event, fields, spdlog::fmt_lib::format(format, std::forward<Args>(args)...)));
}

}  // namespace vipgate
