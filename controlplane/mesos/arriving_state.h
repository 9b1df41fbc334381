// Reads the whole state of a cluster while it arrives, the first record of an event stream or the
// answer to GET_STATE: each task, agent and framework as soon as it is there, so that little is
// left to be done, and to be kept, when the last octet comes.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "common/result.h"
#include "controlplane/mesos/mesos_event.h"
#include "controlplane/mesos/mesos_parser.h"

namespace vipgate {

// For one document; owned and called by one thread. Gives what MesosParser would of the whole
// document, but that lists of which we read nothing (executors, completed tasks) need not be JSON
// within.
class ArrivingState {
 public:
  enum class Form { kEvent, kAnswer };

  // `parser` outlives this. `octets`: about how long the document is; 0: nobody knows.
  ArrivingState(MesosParser& parser, Form form, size_t octets);
  ~ArrivingState();

  // `begun`: what is there of the document from the first octet on that was not taken before.
  // Returns how many octets were taken now.
  size_t take(PaddedJson begun);
  // The document is whole, `rest` being what was not taken of it. As MesosParser::parse_event(), of
  // an event of any type.
  Result<MesosEvent> finish_event(PaddedJson rest);
  // As MesosParser::parse_state().
  Result<MesosState> finish_answer(PaddedJson rest);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vipgate
