#include "controlplane/rest/traffic_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "common/json_text.h"
#include "controlplane/rest/rest_services.h"

namespace vipgate {
namespace {

std::string id_of(const ServiceLabel& label) {
  return service_id(ServiceKey{label.vip, label.port, label.protocol, label.extent});
}

std::string figures_of_service(const ServiceFigures& figures, uint64_t flows) {
  return "{\"id\":" + json_quote(id_of(figures.label)) +
         ",\"forward_packets\":" + std::to_string(figures.forward_packets) +
         ",\"forward_bytes\":" + std::to_string(figures.forward_bytes) +
         ",\"return_packets\":" + std::to_string(figures.return_packets) +
         ",\"return_bytes\":" + std::to_string(figures.return_bytes) +
         ",\"flows_created\":" + std::to_string(figures.flows_created) +
         ",\"flows\":" + std::to_string(flows) + ",\"no_real\":" + std::to_string(figures.no_real) +
         ",\"over_limit\":" + std::to_string(figures.over_limit) + "}";
}

std::string figures_of_real(const RealFigures& figures) {
  return "{\"real\":" + json_quote(endpoint_to_string(figures.address, figures.port)) +
         ",\"packets\":" + std::to_string(figures.packets) +
         ",\"bytes\":" + std::to_string(figures.bytes) +
         ",\"flows_created\":" + std::to_string(figures.flows_created) +
         ",\"flows\":" + std::to_string(figures.flows) + "}";
}

bool has_seen_any(const ServiceFigures& figures) {
  return (figures.forward_packets | figures.return_packets | figures.flows_created |
          figures.no_real | figures.over_limit) != 0;
}

std::string hexadecimal(uint64_t value) {
  std::array<char, 2 * sizeof value> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), value, 16).ptr;
  return std::string(digits.begin(), end);
}

}  // namespace

std::string traffic_text(const TrafficFigures& traffic, const std::string& id) {
  std::vector<uint64_t> flows(traffic.services.size());
  for (const RealFigures& real : traffic.reals) flows[real.service] += real.flows;
  std::string text = "{\"services\":[";
  size_t found = traffic.services.size();
  bool is_first = true;
  for (size_t i = 0; i < traffic.services.size(); ++i) {
    const ServiceFigures& service = traffic.services[i];
    if (id.empty() ? !has_seen_any(service) && flows[i] == 0 : id_of(service.label) != id) continue;
    text += (is_first ? "\n" : ",\n") + figures_of_service(service, flows[i]);
    is_first = false;
    found = i;
  }
  text += "\n]";
  if (id.empty()) return text + "}\n";
  if (is_first) return {};
  text += ",\"reals\":[";
  is_first = true;
  for (const RealFigures& real : traffic.reals) {
    if (real.service != found) continue;
    text += (is_first ? "\n" : ",\n") + figures_of_real(real);
    is_first = false;
  }
  return text + "\n]}\n";
}

std::string maglev_text(const Snapshot& snapshot, uint32_t index, const std::string& id) {
  const std::shared_ptr<const ServiceRing>& ring = snapshot.service_info(index).ring;
  const size_t rows = ring == nullptr || ring->rows == nullptr ? 0 : ring->rows->size();
  std::string text = "{\"service\":" + json_quote(id) + ",\"rows\":" + std::to_string(rows);
  text +=
      ",\"checksum\":" + json_quote(hexadecimal(rows == 0 ? 0 : ring->checksum)) + ",\"reals\":[";
  if (rows == 0) return text + "],\"picture\":[]}\n";
  std::vector<size_t> counts(ring->reals.size());
  for (const uint16_t real : *ring->rows) ++counts[real];
  for (size_t i = 0; i < counts.size(); ++i) {
    const RealEntry* real = snapshot.real(ring->reals[i]);
    text += (i == 0 ? "\n" : ",\n") + std::string("{\"real\":") +
            (real == nullptr ? "null"
                             : json_quote(endpoint_to_string(real->address, real->port.host()))) +
            ",\"rows\":" + std::to_string(counts[i]) + "}";
  }
  text += "\n],\"picture\":[";
  const size_t cells = std::min(rows, kMaglevPicture);
  for (size_t i = 0; i < cells; ++i) {
    text += (i == 0 ? "" : ",") + std::to_string((*ring->rows)[i * rows / cells]);
  }
  return text + "]}\n";
}

}  // namespace vipgate
