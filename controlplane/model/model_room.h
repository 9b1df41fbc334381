// How much more the model can take: one reckoning for asking beforehand and for doing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "common/maglev.h"
#include "controlplane/model/model.h"

namespace vipgate {

// Lives for one Model::check() or apply(). take_…() reckons with what it grants, but takes nothing
// from the model.
class Model::Room {
 public:
  Room(const Model& model, const ModelRules& rules, int64_t now_s)
      : model_(model),
        rules_(rules),
        service_ids_(model.service_ids_.available(now_s)),
        real_ids_(model.real_ids_.available(now_s)),
        flow_ids_v4_(model.flow_ids_v4_, now_s),
        flow_ids_v6_(model.flow_ids_v6_, now_s),
        services_(model.configured_services_),
        reals_(model.configured_reals_) {}

  // What is configured now will not be.
  void free_service(const ModelService& service) {
    if (service.is_configured()) --services_;
  }
  void free_reals(size_t count) { reals_ -= count; }

  // REQUIRES: a service that is configured was counted as such when this was made.
  Status take_service(const ServiceKey& key, const ServiceConfig& config) {
    const auto refusal = [&](const std::string& why) {
      return Error{"service '" + config.name + "' " + to_string(key) + ": " + why};
    };
    if (rules_.accepts) {
      if (auto status = rules_.accepts(key, config); !status) return status;
    }
    const ModelService* known = model_.find(key);
    if (known != nullptr && known->is_configured()) return Done{};
    if (services_ >= rules_.limits.services) {
      return refusal("limits.services allows " + std::to_string(rules_.limits.services) +
                     " services, and so many are served; raise it or remove services");
    }
    if (known == nullptr) {
      if (service_ids_ == 0) {
        return refusal(
            "all numbers of services are in use or were in the last 4 hours; remove services or "
            "wait");
      }
      if (!flow_ids(key.vip).take(key.extent.is_wide())) return refusal(no_flow_id(key.vip));
      --service_ids_;
    }
    ++services_;
    return Done{};
  }

  // `service`: as the model has it; null: not yet. `taken`: how many reals it was granted before,
  // in this update.
  Status take_real(const ServiceKey& key, const ModelService* service, const ServiceConfig& config,
                   const RealConfig& real, size_t taken) {
    const RealKey real_key{real.address, real.port};
    const auto refusal = [&](const std::string& why) {
      return Error{"service '" + config.name + "' " + to_string(key) + ", real " +
                   endpoint_to_string(real.address, real.port) + ": " + why};
    };
    if (!is_tunnel(config.mode) && real.address.family() != key.vip.family()) {
      return refusal("it is not of the VIP's family; give it an IPv" +
                     std::to_string(key.vip.family()) +
                     " address, or the service a mode that is "
                     "a tunnel");
    }
    const size_t most = config.maglev_rows == 0
                            ? kMaglevRealsMax
                            : std::min<size_t>(config.maglev_rows, kMaglevRealsMax);
    if (real.port == 0 && !key.extent.is_wide()) return refusal("it has no port; give it one");
    if (taken >= most) {
      return refusal("with these maglev_rows a service has at most " + std::to_string(most) +
                     " reals");
    }
    const ModelReal* known = nullptr;
    if (service != nullptr) {
      const auto found = service->reals.find(real_key);
      if (found != service->reals.end()) known = &found->second;
    }
    const bool is_configured = known != nullptr && known->gone_at_s == kNever;
    if (!is_configured && reals_ >= rules_.limits.reals) {
      return refusal("limits.reals allows " + std::to_string(rules_.limits.reals) +
                     " reals, and so many are served; raise it or remove reals");
    }
    if (known == nullptr && real_ids_ == 0) {
      return refusal("all " + std::to_string(RealId::kMaxIndex) +
                     " numbers of reals are in use or were in the last 4 hours; remove reals or "
                     "wait");
    }
    if (!take_return_id(key, config, real_key, known)) return refusal(no_flow_id(key.vip));
    if (known == nullptr) --real_ids_;
    if (!is_configured) ++reals_;
    return Done{};
  }

 private:
  bool take_return_id(const ServiceKey& key, const ServiceConfig& config, const RealKey& real_key,
                      const ModelReal* known) {
    if (config.mode != Mode::kNat || (known != nullptr && known->return_flow_id != 0)) return true;
    const ReturnKey return_key{real_key, key.protocol};
    if (model_.return_ids_.contains(return_key) || return_ids_.contains(return_key)) return true;
    if (!flow_ids(key.vip).take(real_key.port == 0)) return false;
    return_ids_.insert(return_key);
    return true;
  }

  // As Model::FlowIds.
  struct FlowIdsLeft {
    FlowIdsLeft(const FlowIds& ids, int64_t now_s)
        : narrow(ids.narrow.available(now_s)), wide(ids.wide.available(now_s)) {}
    bool take(bool must_be_wide) {
      uint64_t& left = must_be_wide || narrow == 0 ? wide : narrow;
      if (left == 0) return false;
      --left;
      return true;
    }
    uint64_t narrow, wide;
  };
  FlowIdsLeft& flow_ids(const IpAddress& vip) { return vip.is_v4() ? flow_ids_v4_ : flow_ids_v6_; }

  std::string no_flow_id(const IpAddress& vip) const {
    const IdPool& pool = (vip.is_v4() ? model_.flow_ids_v4_ : model_.flow_ids_v6_).wide;
    return "IPv" + std::to_string(vip.family()) +
           " VIP ports and real ports of nat services can be " + std::to_string(pool.capacity()) +
           " together, those removed in the last 4 hours included (" +
           std::to_string(pool.in_use()) + " are in use, " + std::to_string(pool.resting()) +
           " were); remove some or wait";
  }

  const Model& model_;
  const ModelRules& rules_;
  uint64_t service_ids_;
  uint64_t real_ids_;
  FlowIdsLeft flow_ids_v4_;
  FlowIdsLeft flow_ids_v6_;
  size_t services_;
  size_t reals_;
  std::set<ReturnKey> return_ids_;  // granted here
};

}  // namespace vipgate
