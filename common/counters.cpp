#include "common/counters.h"

namespace vipgate {
namespace {

#define X(enumerator, name) name,
constexpr std::string_view kDropReasons[] = {VIPGATE_DROP_REASONS(X)};
constexpr std::string_view kReplyKinds[] = {VIPGATE_REPLY_KINDS(X)};
constexpr std::string_view kKernelReasons[] = {VIPGATE_KERNEL_REASONS(X)};
constexpr std::string_view kDnsOutcomes[] = {VIPGATE_DNS_OUTCOMES(X)};
constexpr std::string_view kEvents[] = {VIPGATE_EVENTS(X)};
#undef X

}  // namespace

std::string_view to_string(DropReason reason) { return kDropReasons[static_cast<size_t>(reason)]; }
std::string_view to_string(ReplyKind kind) { return kReplyKinds[static_cast<size_t>(kind)]; }
std::string_view to_string(KernelReason reason) {
  return kKernelReasons[static_cast<size_t>(reason)];
}
std::string_view to_string(DnsOutcome outcome) {
  return kDnsOutcomes[static_cast<size_t>(outcome)];
}
std::string_view to_string(Event event) { return kEvents[static_cast<size_t>(event)]; }

}  // namespace vipgate
