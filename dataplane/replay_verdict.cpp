#include "dataplane/replay_verdict.h"

#include <string_view>

#include "common/json_text.h"

namespace vipgate {
namespace {

std::string_view kind_name(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::kForward:
      return "forward";
    case Verdict::Kind::kDns:
      return "dns";
    case Verdict::Kind::kReply:
      return "reply";
    case Verdict::Kind::kKernel:
      return "kernel";
    case Verdict::Kind::kMade:
      return "made";
    case Verdict::Kind::kHandover:
    case Verdict::Kind::kHold:
    case Verdict::Kind::kDrop:
      break;
  }
  return "drop";
}

std::optional<std::string_view> reason_name(const Verdict& verdict) {
  switch (verdict.kind) {
    case Verdict::Kind::kDns:
      return to_string(verdict.dns);
    case Verdict::Kind::kReply:
      return to_string(verdict.reply);
    case Verdict::Kind::kKernel:
      return to_string(verdict.kernel);
    case Verdict::Kind::kDrop:
      return to_string(verdict.drop);
    case Verdict::Kind::kForward:
    case Verdict::Kind::kMade:
    case Verdict::Kind::kHandover:
    case Verdict::Kind::kHold:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::string real_text(const RealEntry& real) {
  return real.port == Be16{} ? to_string(real.address)
                             : endpoint_to_string(real.address, real.port.host());
}

std::string verdict_text(const Verdict& verdict) {
  std::string text(kind_name(verdict.kind));
  if (const auto reason = reason_name(verdict)) text += ": " + std::string(*reason);
  return text;
}

std::string out_json(const ReplayOut& out) {
  std::string json = ", \"out\": [{";
  if (out.index) json += "\"index\": " + std::to_string(*out.index) + ", ";
  return json + "\"port\": " + json_quote(out.port) + "}]";
}

std::string counters_line(const NamedCounters& counters) {
  std::string line = "{";
  for (const auto& [name, value] : counters) {
    line += (line.size() > 1 ? ", " : "") + json_quote(name) + ": " + std::to_string(value);
  }
  return line + "}";
}

std::string verdict_line(const Snapshot& snapshot, uint64_t packet, const Verdict& verdict,
                         uint32_t worker, const std::optional<ReplayOut>& out) {
  std::string line = "{\"packet\": " + std::to_string(packet);
  const auto add = [&](std::string_view key, std::string_view text) {
    line += ", \"" + std::string(key) + "\": " + json_quote(text);
  };
  add("verdict", kind_name(verdict.kind));
  if (const auto reason = reason_name(verdict)) add("reason", *reason);
  if (verdict.service != kNone) add("service", snapshot.service_info(verdict.service).name);
  if (const RealEntry* real = snapshot.real(verdict.real)) {
    add("real", real_text(*real));
  }
  line += ", \"worker\": " + std::to_string(worker);
  if (out) line += out_json(*out);
  return line + "}";
}

}  // namespace vipgate
