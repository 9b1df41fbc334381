// JSON as Mesos-DNS prints it: a line for each value, a space for each level.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace vipgate {

// Written from the start to the end: a value, or what is between open() and close(); in an object a
// key() before each. One thread.
class PrettyJson {
 public:
  // '{' or '['.
  void open(char bracket);
  void close();
  void key(std::string_view name);
  void text(std::string_view value);
  void number(uint64_t value);
  void flag(bool value);
  // A member of an object.
  void member(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }
  // All of it, with a line's end.
  std::string take() { return std::exchange(out_, {}) + "\n"; }

 private:
  void begin_item();
  void begin_value();

  std::string out_;
  std::string closers_;   // of what is open, the innermost last
  bool is_first_ = true;  // nothing stands behind the last bracket yet
  bool is_behind_key_ = false;
};

}  // namespace vipgate
