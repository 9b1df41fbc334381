// Network namespaces of a test's own, so that nothing of the machine's network is touched.
#pragma once

#include <memory>
#include <string>

namespace vipgate::test {

// A fresh network namespace with `lo` up. Needs root. It goes with the object, unless a process or
// interface still lives in it. One thread.
class NetworkNamespace {
 public:
  // nullptr when not permitted: skip the test.
  static std::unique_ptr<NetworkNamespace> create();
  ~NetworkNamespace();
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;

  // Runs a shell command inside; true when it exits with 0.
  bool run(const std::string& command) const;
  // A path that names it to `ip link set DEV netns PATH`, valid in children of this process.
  std::string path() const;

 private:
  friend class InNamespace;
  explicit NetworkNamespace(int fd) : fd_(fd) {}
  int fd_;
};

// The calling thread is in the namespace for as long as this lives; so are threads that it makes.
class InNamespace {
 public:
  explicit InNamespace(const NetworkNamespace& target);
  ~InNamespace();
  InNamespace(const InNamespace&) = delete;
  InNamespace& operator=(const InNamespace&) = delete;

 private:
  int before_;
};

}  // namespace vipgate::test
