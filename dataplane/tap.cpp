#include "dataplane/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/kernel_address.h"
#include "common/system_error.h"

namespace vipgate {
namespace {

ifreq request(const std::string& interface) {
  ifreq request{};
  std::memcpy(request.ifr_name, interface.data(), interface.size());
  return request;
}

Result<int> make_interface(const std::string& interface) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    return system_error(
        "cannot open /dev/net/tun (load the module tun, or give the container "
        "that device)");
  }
  ifreq made = request(interface);
  // Exclusive: never attach to an interface that someone made persistent.
  made.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
  if (ioctl(fd, TUNSETIFF, &made) == 0) return fd;
  const int code = errno;
  ::close(fd);
  if (code == EBUSY || code == EEXIST) {
    return Error{"interface " + interface +
                 " exists already: another vipgated runs here, or two ports' names begin alike"};
  }
  errno = code;
  return system_error("cannot make interface " + interface + " (needs CAP_NET_ADMIN)");
}

// The interface belongs to an address of ours: no waiting for duplicates, and no routes learnt from
// router advertisements that arrive on the port. Best effort: there may be no IPv6.
void quieten_ipv6(const std::string& interface) {
  const std::string directory = "/proc/sys/net/ipv6/conf/" + interface;
  for (const char* setting : {"/accept_ra", "/accept_dad", "/dad_transmits"}) {
    std::ofstream(directory + setting) << 0;
  }
}

Status set_link(const TapOptions& options) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error("cannot open a socket");
  auto change = [&](unsigned long command, ifreq argument, const char* what) -> Status {
    if (ioctl(fd, command, &argument) == 0) return Done{};
    return system_error("interface " + options.interface + ": cannot set its " + what);
  };
  ifreq mac = request(options.interface);
  mac.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(mac.ifr_hwaddr.sa_data, options.mac.bytes.data(), options.mac.bytes.size());
  ifreq mtu = request(options.interface);
  mtu.ifr_mtu = options.mtu;
  ifreq up = request(options.interface);
  up.ifr_flags = static_cast<short>(IFF_UP | IFF_BROADCAST | IFF_MULTICAST);

  Status status = change(SIOCSIFHWADDR, mac, "MAC address");
  if (status.ok()) status = change(SIOCSIFMTU, mtu, "MTU");
  if (status.ok()) status = change(SIOCSIFFLAGS, up, "state");
  ::close(fd);
  return status;
}

}  // namespace

Result<std::string> tap_name(const std::string& port_name) {
  if (port_name.empty()) return Error{"a port without a name cannot have an interface"};
  for (char c : port_name) {
    if (c == '/' || c == ':' || c == '%' || c <= ' ' || c > '~') {
      return Error{"port name '" + port_name +
                   "' cannot be part of an interface's name: use letters, digits, '-', '_'"};
    }
  }
  return ("vg-" + port_name).substr(0, IFNAMSIZ - 1);
}

Result<Tap> Tap::open(const TapOptions& options) {
  Result<int> fd = make_interface(options.interface);
  if (!fd.ok()) return Error{fd.error()};
  Tap tap;
  tap.fd_ = *fd;
  tap.interface_ = options.interface;
  quieten_ipv6(options.interface);
  if (Status status = set_link(options); !status.ok()) return Error{status.error()};
  for (const IpPrefix& address : options.addresses) {
    const Status status = add_kernel_address(options.interface, address);
    if (!status.ok()) return Error{status.error()};
  }
  return tap;
}

Tap::~Tap() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace vipgate
