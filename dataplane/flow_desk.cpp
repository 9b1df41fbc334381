#include "dataplane/flow_desk.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <unordered_map>
#include <utility>

#include "dataplane/fastpath/flow_number.h"

namespace vipgate {
namespace {

void add_number(std::vector<uint64_t>& words, uint32_t number) {
  if (number / 64 >= words.size()) words.resize(number / 64 + 1);
  words[number / 64] |= uint64_t{1} << number % 64;
}

template <class Visit>
void for_each_service(const Snapshot& snapshot, Visit&& visit) {
  for (uint32_t i = 0; i < snapshot.service_pages.size() * kPageSize; ++i) {
    const ServiceEntry& service = snapshot.service(i);
    if (service.index == i) visit(service, snapshot.service_info(i));
  }
}

// Of two prefixes, one holds the other.
bool overlap(const IpPrefix& a, const IpPrefix& b) {
  return a.length <= b.length ? a.contains(b.address) : b.contains(a.address);
}

bool may_serve(const FlowQuestion& question, const ServiceEntry& service, const ServiceInfo& info) {
  if (question.service && *question.service != info.name) return false;
  if (question.protocol && *question.protocol != service.protocol) return false;
  if (question.destination_port) {
    const uint16_t first = service.port.host();
    const uint16_t last = std::max(first, info.extent.port_last);
    if (*question.destination_port < first || *question.destination_port > last) return false;
  }
  if (!question.destination) return true;
  const int length = info.extent.prefix_length != 0 ? info.extent.prefix_length : info.vip.bits();
  return overlap(*question.destination, {info.vip, length});
}

bool asks_for_services(const FlowQuestion& question) {
  return question.service || question.protocol || question.destination || question.destination_port;
}

// Services by the numbers of their flow ids, for the names of flows without a record.
std::unordered_map<uint32_t, uint32_t> services_by_id(const Snapshot& snapshot) {
  std::unordered_map<uint32_t, uint32_t> services;
  for_each_service(snapshot, [&](const ServiceEntry& service, const ServiceInfo& info) {
    services.emplace(flow_number(service.flow_id, info.vip.is_v4()), service.index);
  });
  return services;
}

ListedFlow named_flow(const FlowRow& row, uint32_t worker, const Snapshot& snapshot,
                      const std::unordered_map<uint32_t, uint32_t>& services) {
  constexpr uint32_t kQuarterMs = kNanosecondsPerQuarter / 1'000'000;
  ListedFlow flow;
  flow.worker = worker;
  flow.source = row.client;
  flow.source_port = row.client_port.host();
  flow.destination = row.vip;
  flow.destination_port = row.vip_port.host();
  flow.state = row.state;
  flow.expires_ms = row.left * kQuarterMs;
  if (row.has_record) {
    flow.real = row.real_address;
    flow.real_port = row.real_port.host();
    if (row.source != row.client || row.source_port != row.client_port) {
      flow.snat = row.source;
      flow.snat_port = row.source_port.host();
    }
  }
  if (const auto known = services.find(flow_number(row.flow_id, row.client.is_v4()));
      known != services.end()) {
    const ServiceEntry& service = snapshot.service(known->second);
    const ServiceInfo& info = snapshot.service_info(known->second);
    flow.service = info.name;
    flow.protocol = service.protocol;
    if (!row.has_record && !is_wide(row.flow_id)) {
      flow.destination = info.vip;
      flow.destination_port = service.port.host();
    }
    const uint16_t timeout = service.timeouts[static_cast<size_t>(row.state)];
    if (timeout >= row.left) flow.idle_ms = (timeout - row.left) * kQuarterMs;
  }
  if (const RealEntry* real = snapshot.real(row.real); real != nullptr && !flow.real) {
    flow.real = real->address;
    flow.real_port = real->port == Be16{} ? flow.destination_port : real->port.host();
  }
  return flow;
}

}  // namespace

FlowDesk::FlowDesk(std::function<std::shared_ptr<const Snapshot>()> current, int patience_ms)
    : current_(std::move(current)),
      patience_ms_(patience_ms),
      event_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      waker_(event_fd_) {}

FlowDesk::~FlowDesk() {
  if (event_fd_ >= 0) ::close(event_fd_);
}

void FlowDesk::add_worker(FlowWalkSlot& slot) {
  slot.set_waker(&waker_);
  slots_.push_back(&slot);
}

bool FlowDesk::is_back() const {
  return std::all_of(slots_.begin(), slots_.end(),
                     [](const FlowWalkSlot* slot) { return slot->is_free(); });
}

bool FlowDesk::wait_until_back() {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(patience_ms_);
  while (true) {
    waker_.announce_sleep();
    if (is_back()) break;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) break;
    pollfd event{event_fd_, POLLIN, 0};
    if (::poll(&event, 1, static_cast<int>(left.count())) > 0) {
      uint64_t count = 0;
      if (::read(event_fd_, &count, sizeof count) < 0) continue;
    }
  }
  waker_.announce_awake();
  return is_back();
}

Result<FlowList> FlowDesk::list(const FlowQuestion& question) {
  const std::lock_guard lock(mutex_);
  if (event_fd_ < 0) return Error{"the system had no event to give at the start"};
  if (!is_back()) return Error{"a worker has not come round since it was asked last"};
  auto loan = std::make_unique<Loan>();
  loan->snapshot = current_();
  if (loan->snapshot == nullptr) return Error{"nothing is served yet"};
  const Snapshot& snapshot = *loan->snapshot;

  FlowMatcher matcher;
  matcher.client = question.source;
  matcher.vip = question.destination;
  matcher.state = question.state;
  if (question.source_port) matcher.client_port = Be16(*question.source_port);
  if (question.destination_port) matcher.vip_port = Be16(*question.destination_port);
  if (asks_for_services(question)) {
    for_each_service(snapshot, [&](const ServiceEntry& service, const ServiceInfo& info) {
      if (!may_serve(question, service, info)) return;
      const uint32_t id = flow_number(service.flow_id, info.vip.is_v4());
      add_number(is_wide(id) ? loan->wide_ids : loan->ids, id & ~kWideFlowId);
    });
    matcher.ids = NumberSet(loan->ids);
    matcher.wide_ids = NumberSet(loan->wide_ids);
  }
  if (question.real || question.real_port) {
    for (uint32_t i = 0; i < snapshot.real_pages.size() * kPageSize; ++i) {
      const RealEntry& real = snapshot.reals[i / kPageSize][i % kPageSize];
      if (real.service == kNone || (question.real && real.address != *question.real)) continue;
      // A real without a port is reached at any.
      if (question.real_port && real.port != Be16{} && real.port.host() != *question.real_port) {
        continue;
      }
      add_number(loan->reals, i);
    }
    matcher.reals = NumberSet(loan->reals);
  }

  const size_t limit = std::min(question.limit, kFlowListMost);
  loan->rows.resize(slots_.size());
  loan->walks.resize(slots_.size());
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    if (question.worker && *question.worker != i) continue;
    loan->rows[i].resize(limit);
    loan->walks[i] = std::make_unique<FlowWalk>(matcher, loan->rows[i]);
  }
  loan_ = std::move(loan);
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    if (loan_->walks[i]) slots_[i]->lend(*loan_->walks[i]);
  }
  if (!wait_until_back()) {
    for (const auto& walk : loan_->walks) {
      if (walk) walk->stop();
    }
    return Error{"a worker has not come round, or not through its tables, within " +
                 std::to_string(patience_ms_) + " ms"};
  }

  FlowList list;
  const auto services = services_by_id(snapshot);
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    const FlowWalk* walk = loan_->walks[i].get();
    if (walk == nullptr) continue;
    list.matched += walk->matched();
    list.looked_at += walk->looked_at();
    for (const FlowRow& row : walk->rows()) {
      if (list.flows.size() == limit) break;
      list.flows.push_back(named_flow(row, i, snapshot, services));
    }
  }
  loan_.reset();
  return list;
}

}  // namespace vipgate
