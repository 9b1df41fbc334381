// Whole states: polled where there is no stream, swept beside it where there is one.
#include <spdlog/spdlog.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "controlplane/mesos/arriving_state.h"
#include "controlplane/mesos/threaded_source.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {

using std::chrono::steady_clock;

namespace {

// Parses the text where it lies and gives its memory back: a large state is there once less, and
// waits in the queue without it.
Result<MesosState> take_state(MesosParser& parser, std::string& text) {
  const size_t size = text.size();
  text.append(PaddedJson::kPadding, '\0');
  auto state = parser.parse_state(PaddedJson{std::string_view(text).substr(0, size)});
  text = std::string();
  return state;
}

// The answer to GET_STATE, read while it arrives: neither its text nor an index of it is ever there
// as a whole.
class SweptState {
 public:
  SweptState(MesosParser& parser, size_t max_octets) : parser_(parser), max_octets_(max_octets) {}

  void begin(const HttpResponse& head) {
    state_.emplace(parser_, ArrivingState::Form::kAnswer, head.content_length);
  }
  bool add(std::string_view octets) {
    octets_ += octets.size();
    if (octets_ > max_octets_) return false;
    text_.insert(text_.size() - PaddedJson::kPadding, octets);
    text_.erase(0, state_->take(untaken()));
    return true;
  }
  Result<MesosState> finish() {
    if (octets_ > max_octets_) {
      return Error{"the answer is larger than the limit of " + std::to_string(max_octets_) +
                   " bytes"};
    }
    if (!state_) return Error{"the answer is empty"};
    return state_->finish_answer(untaken());
  }

 private:
  // Good until text_ changes.
  PaddedJson untaken() const {
    return PaddedJson{std::string_view(text_).substr(0, text_.size() - PaddedJson::kPadding)};
  }

  MesosParser& parser_;
  const size_t max_octets_;
  std::optional<ArrivingState> state_;
  std::string text_ = std::string(PaddedJson::kPadding, '\0');  // not taken yet, padded
  size_t octets_ = 0;
};

}  // namespace

// Until /state fails, another one leads, or it is time to try the stream again.
MasterOutcome ThreadedSource::poll(const MasterAddress& master, std::string& why) {
  const auto until = steady_clock::now() + times_.resubscribe;
  for (bool is_first = true; !is_interrupted() && steady_clock::now() < until; is_first = false) {
    {
      const std::lock_guard lock(mutex_);
      sweep_requested_ = false;
    }
    MasterOutcome outcome = is_first ? MasterOutcome::kFailed : MasterOutcome::kLost;
    const Status status = poll_once(master, is_first, outcome);
    ++(status ? sweeps_ : failed_sweeps_);
    if (!status) {
      why = status.error();
      return outcome;
    }
    wait(backoff_.jittered(poll_time()), [this] { return sweep_requested_ || is_interrupted(); });
  }
  return MasterOutcome::kMoved;
}

// `outcome` is changed where the master sends us to another one.
Status ThreadedSource::poll_once(const MasterAddress& master, bool is_first,
                                 MasterOutcome& outcome) {
  const int64_t asked_ns = monotonic_ns();
  auto response = stream_client_->call(state_request(master, true), limits());
  if (!response) return Error{response.error()};
  if (response->status != 200) {
    std::string why;
    if (after_answer(master, *response, why) == MasterOutcome::kMoved)
      outcome = MasterOutcome::kMoved;
    return Error{why};
  }
  const int64_t received_ns = monotonic_ns();
  auto state = take_state(stream_parser_, response->body);
  if (!state) return Error{authority(master.url) + ": " + state.error()};
  // Old masters answer for themselves where newer ones redirect.
  const std::string leader = state->leader.substr(state->leader.find('@') + 1);
  const std::string own = response->peer_ip + ":" + std::to_string(master.url.port);
  if (is_first && !leader.empty() && leader != own && leader != authority(master.url)) {
    if (auto status = directory_->redirected(master.url, "//" + leader); !status) return status;
    outcome = MasterOutcome::kMoved;
    return Error{authority(master.url) + " says that " + leader + " leads"};
  }
  if (is_first) confirm(master, response->peer_ip);
  // First: a state from a cluster that is out of touch is taken for too old after stale_limit_s.
  tell_link(true, "polling /state of " + authority(master.url) + ", as SUBSCRIBE is refused");
  push(MesosInput{cluster_, std::move(*state), received_ns, asked_ns});
  return Done{};
}

HttpRequest ThreadedSource::state_request(const MasterAddress& master, bool by_v0) {
  HttpRequest request;
  request.url = master.url;
  request.fallback_ip = master.fallback_ip;
  request.headers = {{"Accept", "application/json"}, {"Connection", "close"}};
  request.url.target = by_v0 ? "/state" : "/api/v1";
  if (!by_v0) {
    request.method = "POST";
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = R"({"type":"GET_STATE"})";
  }
  return request;
}

Status ThreadedSource::sweep(const MasterAddress& leader) {
  const int64_t asked_ns = monotonic_ns();
  SweptState swept(sweep_parser_, max_bytes_);
  auto response = sweep_client_->call(
      state_request(leader, false), limits(), [&](const HttpResponse& head) { swept.begin(head); },
      [&](std::string_view octets) { return swept.add(octets); });
  if (!response) return Error{response.error()};
  if (response->status != 200) return Error{unusable_answer(leader, response->status)};
  const int64_t received_ns = monotonic_ns();
  auto state = swept.finish();
  if (!state) return Error{authority(leader.url) + ": " + state.error()};
  // What an old leader says must not come after what the new one has said.
  if (directory_->leader() != std::optional(leader)) {
    return Error{authority(leader.url) + " does not lead any more"};
  }
  queue_.push(MesosInput{cluster_, std::move(*state), received_ns, asked_ns},
              [this] { return stopping_.load(); });
  return Done{};
}

// For the records of masters: those of the list that we have never been connected with.
void ThreadedSource::resolve_masters() {
  for (const std::string& host : directory_->unresolved()) {
    auto addresses = sweep_client_->http().resolve(host, times_.connect);
    if (addresses && !addresses->empty()) directory_->resolved(host, addresses->front());
  }
  announce_masters();
}

void ThreadedSource::run_sweeps() {
  Backoff jitter(times_.backoff_min, times_.backoff_max);
  auto due = steady_clock::now() + jitter.jittered(sweep_time());
  while (!stopping_) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || streaming_; });
    }
    resolve_masters();
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, due, [this] { return stopping_ || sweep_requested_; });
      if (stopping_) return;
      if (!streaming_) continue;
      sweep_requested_ = false;
    }
    due = steady_clock::now() + jitter.jittered(sweep_time());
    const auto leader = directory_->leader();
    if (!leader) continue;
    const Status status = sweep(*leader);
    ++(status ? sweeps_ : failed_sweeps_);
    if (!status && !stopping_) {
      spdlog::warn("mesos[{}]: a sweep failed: {}; the stream goes on", cluster_, status.error());
    }
  }
}

}  // namespace vipgate
