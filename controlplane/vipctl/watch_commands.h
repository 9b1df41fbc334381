// `vipctl explain`, `trace` and `capture`: what becomes of packets.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "controlplane/vipctl/api_client.h"

namespace vipgate {

class WatchCommands {
 public:
  // `app` outlives it.
  explicit WatchCommands(CLI::App& app);
  WatchCommands(const WatchCommands&) = delete;
  WatchCommands& operator=(const WatchCommands&) = delete;

  // Once the command line is read, before any thread is made: signals are to end a watch in order,
  // and the gateway may be silent for as long as the watch lasts.
  void prepare(ApiClientOptions& options) const;
  // Does the command, if it is one of these; returns the exit status.
  std::optional<int> run(ApiClient& api, bool is_json) const;

 private:
  void add_filters(CLI::App& command);
  std::string path_of(const std::string& name) const;
  int explain(ApiClient& api, bool is_json) const;
  int trace(ApiClient& api, bool is_json) const;
  int capture(ApiClient& api) const;

  CLI::App* explain_;
  CLI::App* trace_;
  CLI::App* capture_;
  std::string protocol_, source_, destination_, port_, worker_;
  uint64_t packets_ = 100;
  uint64_t seconds_ = 10;
  uint64_t snaplen_ = 256;
  std::string file_;  // "-": standard output
};

}  // namespace vipgate
