// The commands of vipctl, each with what it runs.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "controlplane/vipctl/gateway_session.h"

namespace vipgate {

constexpr auto kUsualSilence = std::chrono::seconds(10);
constexpr auto kStreamSilence = std::chrono::seconds(60);  // the gateway says something each 15 s

// add_…_commands() of the files beside this one fill it, before the command line is read.
class CommandSet {
 public:
  explicit CommandSet(CLI::App& app) : app_(app) {}

  CLI::App* add(const char* name, const char* what) { return app_.add_subcommand(name, what); }

  // Runs with a gateway that may be silent for so long.
  void on(CLI::App* command, std::function<int(GatewaySession&)> run,
          std::chrono::seconds silence = kUsualSilence) {
    on(command, std::move(run), [silence] { return silence; });
  }
  // `begin` says for how long, once the line is read and before any thread is made.
  void on(CLI::App* command, std::function<int(GatewaySession&)> run,
          std::function<std::chrono::seconds()> begin) {
    command->callback([this, run = std::move(run), begin = std::move(begin)] {
      ask_ = run;
      silence_ = begin();
    });
  }
  // Runs without one.
  void on_alone(CLI::App* command, std::function<int(const ShowOptions&)> run) {
    command->callback([this, run = std::move(run)] { alone_ = run; });
  }

  // Of the command that the line had: one of the two, the other is empty.
  const std::function<int(GatewaySession&)>& ask() const { return ask_; }
  const std::function<int(const ShowOptions&)>& alone() const { return alone_; }
  std::chrono::seconds silence() const { return silence_; }

 private:
  CLI::App& app_;
  std::function<int(GatewaySession&)> ask_;
  std::function<int(const ShowOptions&)> alone_;
  std::chrono::seconds silence_ = kUsualSilence;
};

}  // namespace vipgate
