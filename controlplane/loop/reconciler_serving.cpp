// The part of Reconciler that knows which services can serve, by themselves or by their fallbacks,
// and so which addresses are announced.
#include <algorithm>

#include "controlplane/loop/reconciler.h"

namespace vipgate {

// Who decides on the service's policy names its fallback, whose mode another one may decide on.
const ServiceKey* Reconciler::fallback_of(const ServiceKey& key) const {
  const ModelService* service = model_.find(key);
  if (service == nullptr || !service->is_configured()) return nullptr;
  const bool is_rest = service->config.origin == Origin::kRest;
  const ServiceKey* fallback = (is_rest ? rest_fallbacks_ : file_fallbacks_).find(key);
  const ModelService* other = fallback == nullptr ? nullptr : model_.find(*fallback);
  return other != nullptr && other->config.mode == service->config.mode ? fallback : nullptr;
}

bool Reconciler::has_living(const ServiceKey& key) const {
  const ModelService* service = model_.find(key);
  return service != nullptr &&
         std::any_of(service->reals.begin(), service->reals.end(),
                     [](const auto& real) { return real.second.state != RealState::kDown; });
}

// While the flows of what is leaving end, it is served.
void Reconciler::follow_living(const ServiceKey& key) {
  const ServiceKey* fallback = fallback_of(key);
  const bool is_living = has_living(key) || (fallback != nullptr && has_living(*fallback));
  if (is_living == living_.contains(key)) return;
  const int bits = key.vip.bits();
  const IpPrefix prefix{key.vip, key.extent.prefix_length == 0 ? bits : key.extent.prefix_length};
  size_t& services = living_vips_[prefix];
  if (is_living) {
    living_.insert(key);
    if (services++ == 0) serving_changes_.emplace_back(prefix, true);
    return;
  }
  living_.erase(key);
  if (--services != 0) return;
  living_vips_.erase(prefix);
  serving_changes_.emplace_back(prefix, false);
}

// The addresses of a prefix are not announced: they may be very many.
void Reconciler::set_serving(const ServiceKey& key, bool is_served) {
  if (key.extent.prefix_length == 0) announcer_.set_serving(key.vip, is_served);
}

}  // namespace vipgate
