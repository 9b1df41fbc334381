// A directory that goes with the test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace vipgate {

class StoreDirectory {
 public:
  StoreDirectory() : path_(std::filesystem::temp_directory_path() / "vipgate_store.XXXXXX") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
  }
  ~StoreDirectory() {
    std::error_code ignored;  // a directory that stays in /tmp harms nobody
    std::filesystem::remove_all(path_, ignored);
  }
  StoreDirectory(const StoreDirectory&) = delete;
  StoreDirectory& operator=(const StoreDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file() const { return path_ + "/state.db"; }

 private:
  std::string path_;
};

}  // namespace vipgate
