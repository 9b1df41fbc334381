#include "controlplane/config/config_reader.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "controlplane/config/config_check.h"
#include "controlplane/config/config_check_dns.h"
#include "controlplane/config/config_reader_dns.h"
#include "controlplane/config/config_reader_mesos.h"
#include "controlplane/config/config_reader_rest.h"
#include "controlplane/config/config_reader_services.h"
#include "controlplane/config/config_reader_watch.h"

namespace vipgate {
namespace {

constexpr int64_t kMaxCpu = 1023;

void read_port(Section& s, PortConfig& port) {
  s.required("name", port.name, identifier_rule(32));
  s.required("device", port.device, text_rule("a PCI address, or a vdev with its arguments"));
  s.value("mtu", port.mtu, integer_rule<uint16_t>(576, 9000));
  s.value("vlan", port.vlan, integer_rule<uint16_t>(0, 4094));
  s.list("addresses", port.addresses, interface_address_rule());
  s.list("gateway", port.gateways, address_rule(AddressUse::kNextHop), 0, true);
  s.value("queues", port.queues, auto_or_integer_rule(1, 64));
  s.value("rss", port.rss,
          choice_rule<RssFields>(
              {{"source", RssFields::kSource}, {"destination", RssFields::kDestination}}));
  s.value("kernel", port.kernel, boolean_rule());
  s.maps("neighbors", port.neighbors, NeighborConfig{}, [](Section& n, NeighborConfig& neighbor) {
    n.required("address", neighbor.address, address_rule(AddressUse::kNextHop));
    n.required("mac", neighbor.mac, mac_rule());
  });
}

void read_machine(Section& s, Config& config) {
  s.map("node", [&](Section& n) { n.value("name", config.node.name, identifier_rule(64)); });
  s.map("dpdk", [&](Section& d) {
    d.value("huge_pages", config.dpdk.huge_pages,
            choice_rule<HugePages>(
                {{"auto", HugePages::kAuto}, {"on", HugePages::kOn}, {"off", HugePages::kOff}}));
    d.value("memory_mb", config.dpdk.memory_mb, integer_rule<uint32_t>(64, 1048576));
    d.value("mbuf_bytes", config.dpdk.mbuf_bytes, auto_or_integer_rule(128, 16384));
    d.value("mbufs", config.dpdk.mbufs, auto_or_integer_rule<uint32_t>(1024, 268435456));
    d.list("extra_eal_args", config.dpdk.extra_eal_args, text_rule("one argument for the EAL"));
  });
  s.map("control", [&](Section& c) {
    c.list("cpus", config.control.cpus, integer_rule<uint16_t>(0, kMaxCpu), 1);
  });
  s.map("workers", [&](Section& w) {
    w.list("cpus", config.workers.cpus, integer_rule<uint16_t>(0, kMaxCpu), 1);
    w.value("idle", config.workers.idle,
            choice_rule<IdleMode>({{"adaptive", IdleMode::kAdaptive}, {"poll", IdleMode::kPoll}}));
  });
  s.maps("ports", config.ports, PortConfig{}, read_port);
  s.map("limits", [&](Section& l) {
    l.value("flows_per_worker", config.limits.flows_per_worker,
            integer_rule<uint32_t>(1024, 268435456));
    l.value("wide_flows_per_worker", config.limits.wide_flows_per_worker,
            integer_rule<uint32_t>(1024, 268435456));
    l.value("affinities_per_worker", config.limits.affinities_per_worker,
            integer_rule<uint32_t>(1024, 268435456));
    l.value("fragments_per_worker", config.limits.fragments_per_worker,
            integer_rule<uint32_t>(64, 1048576));
    l.value("dns_rates_per_worker", config.limits.dns_rates_per_worker,
            integer_rule<uint32_t>(1024, 16777216));
    l.value("dns_answers_per_worker", config.limits.dns_answers_per_worker,
            integer_rule<uint32_t>(64, 16777216));
    l.value("dns_questions_per_worker", config.limits.dns_questions_per_worker,
            integer_rule<uint32_t>(16, 65536));
    l.value("services", config.limits.services, integer_rule<uint32_t>(1, 1000000));
    l.value("reals", config.limits.reals, integer_rule<uint32_t>(1, 16777216));
    l.value("dns_names", config.limits.dns_names, integer_rule<uint32_t>(1, 16777216));
  });
  s.map("kernel_rates", [&](Section& k) {
    for (size_t i = 0; i < config.kernel_rates.size(); ++i) {
      k.value(to_string(static_cast<KernelReason>(i)), config.kernel_rates[i],
              integer_rule<uint32_t>(0, 10'000'000));
    }
  });
  s.value("transit", config.transit,
          choice_rule<Transit>({{"kernel", Transit::kKernel}, {"drop", Transit::kDrop}}));
  s.map("announce", [&](Section& a) {
    a.value("table", config.announce.table, integer_rule<uint8_t>(0, 254));
    a.value("protocol", config.announce.protocol, integer_rule<uint8_t>(5, 255));
    a.list("ports", config.announce.ports, identifier_rule(32));
  });
}

void read_all(Section& s, Config& config) {
  read_machine(s, config);
  read_shared(s, config);
  read_services(s, config);
  s.map("dns", [&](Section& d) { read_dns(d, config.dns); });
  read_sources(s, config);
  s.map("rest", [&](Section& r) { read_rest(r, config.rest); });
  s.map("log", [&](Section& l) {
    l.value("level", config.log.level,
            choice_rule<LogLevel>({{"trace", LogLevel::kTrace},
                                   {"debug", LogLevel::kDebug},
                                   {"info", LogLevel::kInfo},
                                   {"warn", LogLevel::kWarn},
                                   {"error", LogLevel::kError}}));
    l.value("format", config.log.format,
            choice_rule<LogFormat>({{"text", LogFormat::kText}, {"json", LogFormat::kJson}}));
  });
  s.map("watch", [&](Section& w) { read_watch(w, config.watch); });
  s.finish();
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file_name, ConfigUse use) {
  Diagnostics diagnostics(file_name);
  Config config;
  config.file = file_name;
  const YamlNodePtr root = read_yaml(text, diagnostics);
  if (root != nullptr && root->kind != YamlNode::Kind::kMap &&
      root->kind != YamlNode::Kind::kNull) {
    diagnostics.error(root->position, std::string(kind_name(*root)) +
                                          " stands here; the file must be a map of sections, "
                                          "as 'dns:' with its keys indented below");
  } else if (root != nullptr) {
    Section section({&diagnostics, nullptr, nullptr}, root.get(), "");
    read_all(section, config);
    if (diagnostics.ok()) check_config(config, *root, use, diagnostics);
    if (diagnostics.ok() && use != ConfigUse::kCompile) {
      read_dns_secrets(config, *root, diagnostics);
    }
  }
  if (!diagnostics.ok()) return Error{diagnostics.text()};
  return config;
}

Result<Config> read_config(const std::string& path, ConfigUse use) {
  const auto cannot_read = [&] {
    return Error{path + ": cannot be read: " + std::strerror(errno) +
                 "; give the path of a readable YAML file"};
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) return cannot_read();
  std::string text;
  char block[65536];
  while (text.size() <= kMaxYamlBytes) {
    const size_t count = std::fread(block, 1, sizeof block, file.get());
    text.append(block, count);
    if (count < sizeof block) break;
  }
  if (std::ferror(file.get()) != 0) return cannot_read();
  return parse_config(text, path, use);
}

std::vector<KeyInfo> config_keys() {
  std::vector<KeyInfo> keys;
  Config config;
  Section section({nullptr, &keys, nullptr}, nullptr, "");
  read_all(section, config);
  return keys;
}

std::vector<std::pair<std::string, std::string>> config_values(const Config& config) {
  std::vector<std::pair<std::string, std::string>> values;
  Config copy = config;
  Section section({nullptr, nullptr, &values}, nullptr, "");
  read_all(section, copy);
  return values;
}

}  // namespace vipgate
