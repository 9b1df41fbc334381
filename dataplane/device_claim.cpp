#include "dataplane/device_claim.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/system_error.h"

namespace vipgate {

Result<DeviceClaim> DeviceClaim::take(const std::string& device) {
  constexpr std::string_view kKey = "iface=";
  const size_t key = device.find(kKey);
  if (key == std::string::npos) return DeviceClaim(-1);
  const size_t start = key + kKey.size();
  const std::string interface = device.substr(start, device.find(',', start) - start);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error("claiming device '" + device + "'");
  DeviceClaim claim(fd);
  // The zero in front makes the name abstract.
  std::string name = std::string(1, '\0') + "vipgate/" + interface;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.resize(std::min(name.size(), sizeof address.sun_path));
  std::memcpy(address.sun_path, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0) return claim;
  if (errno == EADDRINUSE) {
    return Error{"device '" + device +
                 "' is used by another vipgated that runs here: stop that one first"};
  }
  return system_error("claiming device '" + device + "'");
}

DeviceClaim::~DeviceClaim() {
  if (fd_ >= 0) close(fd_);
}

DeviceClaim::DeviceClaim(DeviceClaim&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DeviceClaim& DeviceClaim::operator=(DeviceClaim&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

}  // namespace vipgate
