// Reads the first record of an event stream while it arrives: each task, agent and framework as
// soon as it is there, so that little is left to be done, and to be kept, when the last octet
// comes.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "common/result.h"
#include "controlplane/mesos/mesos_event.h"
#include "controlplane/mesos/mesos_parser.h"

namespace vipgate {

// For one record; owned and called by one thread. Gives what MesosParser::parse_event() would, but
// that lists of which we read nothing (executors, completed tasks) need not be JSON within.
class SubscribedReader {
 public:
  // `parser` outlives this. `octets`: about how long the record is.
  SubscribedReader(MesosParser& parser, size_t octets);
  ~SubscribedReader();

  // `begun`: what is there of the record from the first octet on that was not taken before. Returns
  // how many octets were taken now.
  size_t take(PaddedJson begun);
  // The record is whole, `rest` being what was not taken of it. An event of any type; an error: not
  // JSON, or no event of use.
  Result<MesosEvent> finish(PaddedJson rest);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vipgate
