// Tables of configurations that are wrong, with what the reader must say.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string_view>

#include "controlplane/config/config_reader.h"

namespace vipgate {

struct Row {
  std::string_view text;    // of a file named "f"
  std::string_view errors;  // the whole answer, one line per mistake
};

inline void expect_errors(std::span<const Row> rows) {
  for (const Row& row : rows) {
    const auto config = parse_config(row.text, "f");
    if (config.ok()) {
      ADD_FAILURE() << "taken for good:\n" << row.text;
    } else {
      EXPECT_EQ(config.error(), row.errors) << row.text;
    }
  }
}

}  // namespace vipgate
