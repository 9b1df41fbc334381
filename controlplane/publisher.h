// Publishes so that no name ever leads to a VIP that does not forward yet: what is new, first
// without its name, and the name once every worker has taken that snapshot.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "common/result.h"
#include "common/snapshot.h"
#include "controlplane/compiler.h"

namespace vipgate {

// Where snapshots go: the data plane, or a test. See SnapshotCell.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;
  virtual uint64_t publish(std::shared_ptr<const Snapshot> snapshot) = 0;
  [[nodiscard]] virtual bool passed(uint64_t version) const = 0;
  // How many snapshots still wait for a worker to let go of them.
  virtual size_t reclaim() = 0;
};

// Owned and called by the control thread; never blocks.
class Publisher {
 public:
  // A snapshot of the present state that answers for these names only.
  using Compile = std::function<Result<std::shared_ptr<const Snapshot>>(const DnsNames& names)>;

  Publisher(SnapshotSink& sink, Compile compile) : sink_(sink), compile_(std::move(compile)) {}

  // The state has changed, and these names are what it should answer for. Names that are gone are
  // gone with this; new ones appear when advance() finds that the workers have passed it. On an
  // error nothing is published, and the names wanted before stay wanted.
  Status change(DnsNames wanted);
  // The state has changed, the names have not.
  Status refresh() { return change(DnsNames(wanted_)); }

  // Publishes the new names if it is time, lets old snapshots go. To be called every millisecond or
  // so for as long as waits().
  Status advance();
  // Whether there is something for advance() to do.
  bool waits() const { return version_ != 0 && (!settled_ || unreclaimed_ > 0); }
  // Whether all workers have taken the present state, with all its names.
  bool settled() const { return settled_; }
  bool has_published() const { return version_ != 0; }

 private:
  Status publish(const DnsNames& names);
  DnsNames answerable(const DnsNames& wanted) const;

  SnapshotSink& sink_;
  Compile compile_;
  DnsNames wanted_;
  DnsNames published_;
  uint64_t version_ = 0;
  bool names_wait_ = false;
  bool settled_ = false;
  size_t unreclaimed_ = 0;
};

}  // namespace vipgate
