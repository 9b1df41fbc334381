#include "controlplane/vipctl/doctor/device_checks.h"

#include <charconv>
#include <regex>
#include <set>
#include <string_view>

namespace vipgate {
namespace {

std::string pci_path(const std::string& address) { return "/sys/bus/pci/devices/" + address; }

Finding check_pci_driver(const SystemTree& system, const PciPort& port) {
  constexpr char kCheck[] = "driver";
  const std::string what = port.name + ": " + port.address;
  if (!system.exists(pci_path(port.address))) {
    return bad(
        kCheck, what + " is not there",
        "lspci -D | grep -i ethernet shows those that are; write one of them as the device of "
        "port " +
            port.name);
  }
  const std::string driver = system.link_name(pci_path(port.address) + "/driver");
  // These keep the kernel's driver beside DPDK's.
  static const std::set<std::string> kShared = {"mlx4_core", "mlx5_core", "mana"};
  if (driver == "vfio-pci" || kShared.contains(driver))
    return well(kCheck, what + " has " + driver);
  const std::string bind = "dpdk-devbind.py --bind=vfio-pci " + port.address;
  if (driver == "uio_pci_generic" || driver == "igb_uio") {
    return warning(kCheck, what + " has " + driver + ": nothing keeps it from all of the memory",
                   "modprobe vfio-pci && " + bind);
  }
  if (driver.empty()) {
    return bad(kCheck, what + " has no driver", "modprobe vfio-pci && " + bind);
  }
  return bad(kCheck, what + " has the kernel's driver " + driver + ": vipgated cannot open it",
             "modprobe vfio-pci && " + bind + " (its interface goes: not that of your ssh)");
}

// "eth0" of "net_af_packet0,iface=eth0".
std::string interface_of(const std::string& device) {
  constexpr std::string_view kKey = "iface=";
  const size_t key = device.find(kKey);
  if (key == std::string::npos) return "";
  const size_t start = key + kKey.size();
  return device.substr(start, device.find(',', start) - start);
}

Finding check_interface(const SystemTree& system, const PortConfig& port) {
  constexpr char kCheck[] = "driver";
  const std::string interface = interface_of(port.device);
  const bool takes_one =
      port.device.starts_with("net_af_packet") || port.device.starts_with("net_af_xdp");
  if (!takes_one || interface.empty()) {
    return well(kCheck, port.name + ": " + port.device + " is virtual");
  }
  const std::string what = port.name + ": interface " + interface;
  const std::string path = "/sys/class/net/" + interface;
  if (!system.exists(path)) {
    return bad(kCheck, what + " is not there",
               "ip -br link shows those that are; write one of them after iface=");
  }
  constexpr int64_t kIsUp = 1;  // IFF_UP
  const std::string flags = system.text(path + "/flags").value_or("0x0");
  int64_t value = 0;
  if (flags.starts_with("0x")) {
    std::from_chars(flags.data() + 2, flags.data() + flags.size(), value, 16);
  }
  if ((value & kIsUp) == 0)
    return bad(kCheck, what + " is down", "ip link set " + interface + " up");
  return well(kCheck, what + " is up");
}

bool is_intel(const SystemTree& system) {
  return system.text("/proc/cpuinfo").value_or("").find("GenuineIntel") != std::string::npos;
}

}  // namespace

std::vector<PciPort> pci_ports(const Config& config) {
  static const std::regex kAddress(
      "(?:([0-9a-fA-F]{1,8}):)?([0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7])(?:,.*)?");
  std::vector<PciPort> ports;
  for (const PortConfig& port : config.ports) {
    std::smatch match;
    if (!std::regex_match(port.device, match, kAddress)) continue;
    std::string address = (match[1].matched ? match[1].str() : "0000") + ":" + match[2].str();
    for (char& c : address) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    ports.push_back({port.name, address});
  }
  return ports;
}

int node_of_cpu(const SystemTree& system, int cpu) {
  constexpr std::string_view kNode = "node";
  for (const std::string& name :
       system.names("/sys/devices/system/cpu/cpu" + std::to_string(cpu))) {
    int node = -1;
    if (!name.starts_with(kNode)) continue;
    const auto read = std::from_chars(name.data() + kNode.size(), name.data() + name.size(), node);
    if (read.ec == std::errc()) return node;
  }
  return -1;
}

Findings check_devices(const SystemTree& system, const Config& config) {
  Findings findings;
  for (const PciPort& port : pci_ports(config)) findings.push_back(check_pci_driver(system, port));
  for (const PortConfig& port : config.ports) {
    Config alone;
    alone.ports = {port};
    if (pci_ports(alone).empty()) findings.push_back(check_interface(system, port));
  }
  return findings;
}

Finding check_iommu(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "iommu";
  bool needs_vfio = false;
  for (const PciPort& port : pci_ports(config)) {
    const std::string driver = system.link_name(pci_path(port.address) + "/driver");
    needs_vfio |= driver == "vfio-pci" || driver.empty();
  }
  if (!needs_vfio) return well(kCheck, "no port needs one");
  if (!system.names("/sys/kernel/iommu_groups").empty()) return well(kCheck, "on");
  const std::string switch_on = std::string("add ") +
                                (is_intel(system) ? "intel_iommu=on iommu=pt" : "iommu=pt") +
                                " to GRUB_CMDLINE_LINUX in /etc/default/grub, and switch it on in "
                                "the firmware; update-grub && reboot";
  constexpr char kWithout[] = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
  if (system.text(kWithout) == "Y") {
    return warning(kCheck, "off, and vfio does without: devices reach all of the memory",
                   switch_on);
  }
  return bad(kCheck, "off: vfio-pci gives no device to the gateway",
             switch_on + "; on a virtual machine without one: echo 1 > " + kWithout);
}

Finding check_device_nodes(const SystemTree& system, const Config& config) {
  constexpr char kCheck[] = "numa";
  for (const PciPort& port : pci_ports(config)) {
    const int64_t node = system.number(pci_path(port.address) + "/numa_node").value_or(-1);
    if (node < 0) continue;
    for (const uint16_t cpu : config.workers.cpus) {
      const int of_cpu = node_of_cpu(system, cpu);
      if (of_cpu < 0 || of_cpu == node) continue;
      return warning(
          kCheck,
          port.name + ": " + port.address + " is on NUMA node " + std::to_string(node) +
              ", the worker's CPU " + std::to_string(cpu) + " on node " + std::to_string(of_cpu) +
              ": each packet crosses between them",
          "write CPUs of " +
              system.text(pci_path(port.address) + "/local_cpulist").value_or("its node") +
              " into workers.cpus in " + config.file);
    }
  }
  return well(kCheck, "devices and workers are on the same nodes, or there is one");
}

}  // namespace vipgate
