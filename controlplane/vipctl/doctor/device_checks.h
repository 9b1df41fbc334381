// The doctor's checks of network devices.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/config.h"
#include "controlplane/vipctl/doctor/finding.h"
#include "controlplane/vipctl/doctor/system_tree.h"

namespace vipgate {

struct PciPort {
  std::string name;     // of the port
  std::string address;  // "0000:3b:00.0"
};

// The ports whose device is a PCI address.
std::vector<PciPort> pci_ports(const Config& config);
// -1: not told, as on a machine without NUMA.
int node_of_cpu(const SystemTree& system, int cpu);

// One for each port: a PCI device is there, with a driver that the gateway can use; the interface
// of a virtual device that takes one is there, and up.
Findings check_devices(const SystemTree& system, const Config& config);
// vfio-pci has an IOMMU, or may do without.
Finding check_iommu(const SystemTree& system, const Config& config);
// PCI devices are on the workers' NUMA nodes.
Finding check_device_nodes(const SystemTree& system, const Config& config);

}  // namespace vipgate
