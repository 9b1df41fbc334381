// Answers of tens of megabytes: made one after another, shared by all who ask for the same
// meanwhile, and few at the same time, so that their memory has a bound whoever asks and however
// slowly it is taken. Of these a client has a part, so that one who is slow keeps no other waiting.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controlplane/http/http_message.h"

namespace vipgate {

// Shared by those who make answers; any thread.
class LongAnswers : public std::enable_shared_from_this<LongAnswers> {
 public:
  // Texts that are in memory, if nothing else is said: the one that is being made, and those that
  // clients are still taking.
  static constexpr size_t kMost = 4;
  explicit LongAnswers(size_t most = kMost)
      : most_(most), most_of_client_(std::max<size_t>(most / 4, 2)) {}

  // To be called once, from any thread.
  using Finish = std::function<void(ApiResponse)>;
  // Has the answer made; must not block.
  using Begin = std::function<void(Finish)>;

  // `what` names the answer, `client` who asks. Who asks before its making begins gets the same
  // one; later, the next.
  void ask(const std::string& what, const std::string& client, Begin begin, ApiResponder respond);

 private:
  using Text = std::shared_ptr<const std::string>;
  struct Waiting {
    std::string client;
    ApiResponder respond;
  };
  struct Job {
    std::string what;
    Begin begin;
    std::vector<Waiting> waiting;
  };
  // Lives as long as the client takes the text.
  struct Taker {
    std::string client;
    Text text;
  };
  void begin_next();
  void finish(const Job& job, ApiResponse response);
  bool has_room();
  Text given_to(const std::string& client, const Text& text);
  size_t texts_of(const std::string& client);

  const size_t most_, most_of_client_;
  std::mutex mutex_;
  std::deque<Job> jobs_;  // that wait
  bool is_busy_ = false;
  std::vector<std::weak_ptr<const std::string>> bodies_;
  std::vector<std::weak_ptr<const Taker>> takers_;
};

}  // namespace vipgate
