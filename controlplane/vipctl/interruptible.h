// Answers that go on until the operator has seen enough.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/vipctl/api_client.h"

namespace vipgate {

// SIGINT and SIGTERM wait for stream_until_signal(). To be called before any thread is made.
void block_interrupts();

struct StreamEnd {
  Result<ApiReply> reply;       // as of ApiClient::stream()
  bool is_interrupted = false;  // by a signal
  std::string problem{};        // that the taker had; empty: none
};

// `take` says what is wrong; empty: it goes on. REQUIRES: block_interrupts() was called.
StreamEnd stream_until_signal(ApiClient& api, const std::string& path,
                              const std::function<std::string(std::string_view)>& take);

}  // namespace vipgate
