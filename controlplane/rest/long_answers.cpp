#include "controlplane/rest/long_answers.h"

#include <algorithm>
#include <utility>

namespace vipgate {

void LongAnswers::ask(const std::string& what, Begin begin, ApiResponder respond) {
  {
    const std::lock_guard lock(mutex_);
    const auto known =
        std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.what == what; });
    if (known != jobs_.end()) {
      known->waiting.push_back(std::move(respond));
      return;
    }
    jobs_.push_back({what, std::move(begin), {}});
    jobs_.back().waiting.push_back(std::move(respond));
  }
  begin_next();
}

void LongAnswers::begin_next() {
  auto job = std::make_shared<Job>();
  bool is_refused = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_busy_ || jobs_.empty()) return;
    is_busy_ = true;
    *job = std::move(jobs_.front());
    jobs_.pop_front();
    is_refused = !has_room();
  }
  if (is_refused) {
    ApiResponse response = http_problem(
        503, "earlier long answers are still being taken by those who asked; ask again");
    response.headers.emplace_back("Retry-After", "1");
    return finish(*job, std::move(response));
  }
  job->begin([self = shared_from_this(), job](ApiResponse response) {
    self->finish(*job, std::move(response));
  });
}

void LongAnswers::finish(const Job& job, ApiResponse response) {
  if (response.status == 200) {
    response.shared_body = std::make_shared<const std::string>(std::exchange(response.body, {}));
    const std::lock_guard lock(mutex_);
    bodies_.push_back(response.shared_body);
  }
  for (const ApiResponder& respond : job.waiting) respond(response);
  response.shared_body.reset();
  {
    const std::lock_guard lock(mutex_);
    is_busy_ = false;
  }
  begin_next();
}

bool LongAnswers::has_room() {
  std::erase_if(bodies_, [](const auto& body) { return body.expired(); });
  return bodies_.size() < most_;
}

}  // namespace vipgate
