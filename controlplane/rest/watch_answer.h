// The way of a watch's pieces to who asked for them: an answer of the API that goes on.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "common/watch.h"
#include "controlplane/http/http_message.h"
#include "controlplane/loop/watch_keeper.h"
#include "controlplane/rest/rest_feed.h"

namespace vipgate {

// The answer begins with the watch, ends with it, and ends it when its client goes. Written by the
// watch's thread, taken by the server's.
class WatchAnswer : public WatchOutput, public std::enable_shared_from_this<WatchAnswer> {
 public:
  struct Options {
    std::string who;  // for the log
    std::string content_type;
    bool is_trace = false;
  };
  WatchAnswer(RestFeed& feed, WatchKeeper& keeper, Options options, ApiResponder respond)
      : feed_(feed), keeper_(keeper), options_(std::move(options)), respond_(std::move(respond)) {}

  void begin() override;
  bool offer(const std::string& piece) override;
  void write(const std::string& piece) override;
  void end(const WatchStatus& status, const std::string& error) override;

 private:
  void attach(std::shared_ptr<ApiSink> sink);
  // Has the control thread end the watch.
  void let_go();

  RestFeed& feed_;
  WatchKeeper& keeper_;
  const Options options_;
  ApiResponder respond_;  // until begin()

  std::mutex mutex_;
  std::shared_ptr<ApiSink> sink_;  // once there is one
  std::string early_;              // what was said before that
  bool has_ended_ = false;
};

}  // namespace vipgate
