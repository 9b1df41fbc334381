#include "controlplane/health/exchange.h"

#include <algorithm>

namespace vipgate {

bool is_plain_token(std::string_view text, size_t max_length) {
  return !text.empty() && text.size() <= max_length &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Result<std::unique_ptr<Exchange>> make_exchange(const RealKey& real, const HealthConfig& config,
                                                uint16_t id, bool keep) {
  switch (config.type) {
    case HealthType::kHttp:
    case HealthType::kHttps:
      return make_http_exchange(real, config, keep);
    case HealthType::kDns:
      return make_dns_exchange(config, id);
    case HealthType::kGrpc:
      return make_grpc_exchange(real, config);
    case HealthType::kTcp:
    case HealthType::kNone:
      break;
  }
  return std::unique_ptr<Exchange>();
}

}  // namespace vipgate
