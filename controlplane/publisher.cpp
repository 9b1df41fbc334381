#include "controlplane/publisher.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace vipgate {

Status Publisher::publish(const DnsNames& names) {
  auto snapshot = compile_(names);
  if (!snapshot) return Error{snapshot.error()};
  version_ = sink_.publish(std::move(*snapshot));
  published_ = names;
  settled_ = false;
  return Done{};
}

// What may be answered with the new state before its new VIPs are known to forward. A name that
// moves to another VIP keeps the old one meanwhile: "no such name" would stay in caches for longer.
DnsNames Publisher::answerable(const DnsNames& wanted) const {
  // Names that waited for a snapshot that has been passed need not wait for another one.
  const bool has_passed = version_ != 0 && sink_.passed(version_);
  const DnsNames& serving = has_passed ? wanted_ : published_;
  DnsNames names;
  std::set_intersection(wanted.begin(), wanted.end(), serving.begin(), serving.end(),
                        std::inserter(names, names.end()));
  const auto has_family = [](const DnsNames& in, const DnsNames::value_type& sought) {
    auto at = in.lower_bound({sought.first, IpAddress{}});
    for (; at != in.end() && at->first == sought.first; ++at) {
      if (at->second.family() == sought.second.family()) return true;
    }
    return false;
  };
  DnsNames moving;
  for (const auto& name : published_) {
    if (!has_family(names, name) && has_family(wanted, name)) moving.insert(name);
  }
  names.merge(moving);
  return names;
}

Status Publisher::change(DnsNames wanted) {
  // Workers take no packet before their first snapshot, so that one may have all names at once: a
  // query that waited for the start must not be told that there is no such name.
  if (auto status = publish(has_published() ? answerable(wanted) : wanted); !status) return status;
  wanted_ = std::move(wanted);
  names_wait_ = wanted_ != published_;
  return Done{};
}

Status Publisher::advance() {
  unreclaimed_ = sink_.reclaim();
  if (settled_ || version_ == 0 || !sink_.passed(version_)) return Done{};
  if (names_wait_) {
    names_wait_ = false;
    return publish(wanted_);
  }
  settled_ = true;
  return Done{};
}

}  // namespace vipgate
