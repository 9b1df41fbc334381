// A machine's /proc and /sys, made of files in a directory of its own.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "controlplane/config/config.h"
#include "controlplane/vipctl/doctor/finding.h"
#include "controlplane/vipctl/doctor/system_tree.h"

namespace vipgate {

class FakeMachine {
 public:
  FakeMachine() {
    std::string pattern = ::testing::TempDir() + "vipgate-doctor-XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~FakeMachine() { std::filesystem::remove_all(root_); }
  FakeMachine(const FakeMachine&) = delete;
  FakeMachine& operator=(const FakeMachine&) = delete;

  FakeMachine& file(const std::string& path, const std::string& text) {
    make_parents(path);
    std::ofstream(root_ + path) << text << "\n";
    return *this;
  }
  FakeMachine& directory(const std::string& path) {
    std::filesystem::create_directories(root_ + path);
    return *this;
  }
  FakeMachine& link(const std::string& path, const std::string& target) {
    make_parents(path);
    std::filesystem::create_symlink(target, root_ + path);
    return *this;
  }
  FakeMachine& process(const std::string& id, const std::string& name) {
    return file("/proc/" + id + "/comm", name);
  }
  SystemTree tree() const { return SystemTree(root_); }

 private:
  void make_parents(const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
  }
  std::string root_;
};

inline PortConfig doctor_port(const std::string& name, const std::string& device) {
  PortConfig port;
  port.name = name;
  port.device = device;
  return port;
}

// Workers on CPUs 2 and 3, control on 0, a PCI port.
inline Config doctor_config() {
  Config config;
  config.file = "v.yaml";
  config.workers.cpus = {2, 3};
  config.control.cpus = {0};
  config.ports = {doctor_port("edge", "0000:3b:00.0")};
  return config;
}

}  // namespace vipgate
