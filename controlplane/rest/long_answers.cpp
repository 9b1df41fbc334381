#include "controlplane/rest/long_answers.h"

#include <algorithm>
#include <set>
#include <utility>

namespace vipgate {
namespace {

ApiResponse busy(std::string_view why) {
  ApiResponse response = http_problem(503, why);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace

void LongAnswers::ask(const std::string& what, const std::string& client, Begin begin,
                      ApiResponder respond) {
  {
    const std::lock_guard lock(mutex_);
    const auto known =
        std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.what == what; });
    if (known != jobs_.end()) {
      known->waiting.push_back({client, std::move(respond)});
      return;
    }
    if (texts_of(client) < most_of_client_) {
      jobs_.push_back({what, std::move(begin), {}});
      jobs_.back().waiting.push_back({client, std::move(respond)});
      respond = nullptr;
    }
  }
  if (respond) return respond(busy("you are still taking earlier long answers; ask again"));
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
    return finish(*job,
                  busy("earlier long answers are still being taken by those who asked; ask again"));
  }
  job->begin([self = shared_from_this(), job](ApiResponse response) {
    self->finish(*job, std::move(response));
  });
}

void LongAnswers::finish(const Job& job, ApiResponse response) {
  Text text;
  if (response.status == 200) {
    text = std::make_shared<const std::string>(std::exchange(response.body, {}));
    const std::lock_guard lock(mutex_);
    bodies_.push_back(text);
  }
  for (const Waiting& waiting : job.waiting) {
    if (text != nullptr) response.shared_body = given_to(waiting.client, text);
    waiting.respond(response);
  }
  response.shared_body.reset();
  text.reset();
  {
    const std::lock_guard lock(mutex_);
    is_busy_ = false;
  }
  begin_next();
}

LongAnswers::Text LongAnswers::given_to(const std::string& client, const Text& text) {
  const auto taker = std::make_shared<const Taker>(Taker{client, text});
  const std::lock_guard lock(mutex_);
  takers_.push_back(taker);
  return {taker, text.get()};
}

// Different ones that the client is still taking.
size_t LongAnswers::texts_of(const std::string& client) {
  std::erase_if(takers_, [](const auto& taker) { return taker.expired(); });
  std::set<const std::string*> texts;
  for (const auto& known : takers_) {
    const auto taker = known.lock();
    if (taker != nullptr && taker->client == client) texts.insert(taker->text.get());
  }
  return texts.size();
}

bool LongAnswers::has_room() {
  std::erase_if(bodies_, [](const auto& body) { return body.expired(); });
  return bodies_.size() < most_;
}

}  // namespace vipgate
