// A file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace vipgate {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  // Negative: none.
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace vipgate
