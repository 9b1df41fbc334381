// Which ports have link, and whether clients can come by any of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "controlplane/config/config.h"

namespace vipgate {

// Owned and called by the control thread.
class PortLinks {
 public:
  struct Change {
    std::string port;
    bool is_up = false;
  };

  explicit PortLinks(const Config& config);
  // Whether each port has link now, in their order. Returns what has changed; the first time, which
  // ports are down.
  std::vector<Change> note(const std::vector<bool>& up);
  // Whether one of the ports by which clients come is up: of announce.ports, else of those by which
  // no real is reached and which have had link; of all, where there is none. `real_ports`: a bit
  // for each by which reals are reached. REQUIRES: note() was called.
  bool clients_can_come(uint32_t real_ports) const;
  // "port.<name>.link_losses": how often it went down, if it did; "port.<name>.without_link": 1
  // while it has none, else 0.
  NamedCounters counters() const;

 private:
  struct Link {
    std::string name;
    std::optional<bool> is_up;
    bool has_been_up = false;
    uint64_t losses = 0;
  };
  std::vector<Link> links_;
  uint32_t client_ports_ = 0;  // a bit for each of announce.ports
};

}  // namespace vipgate
