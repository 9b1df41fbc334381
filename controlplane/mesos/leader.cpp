#include "controlplane/mesos/leader.h"

#include <algorithm>
#include <utility>

namespace vipgate {
namespace {

// Masters that send us around in a circle are believed so often.
constexpr size_t kMaxRedirections = 4;

bool is_ip(const std::string& host) { return parse_ip_address(host).ok(); }

}  // namespace

Result<std::unique_ptr<MasterDirectory>> MasterDirectory::create(const MesosConfig& config,
                                                                 const ZkLeader::Times& times,
                                                                 Hooks hooks) {
  std::unique_ptr<MasterDirectory> directory(new MasterDirectory(std::move(hooks), times));
  // Without a scheme, and in ZooKeeper, nothing says whether masters speak TLS: who gives us
  // authorities or a certificate to use means that they do.
  directory->tls_ = !config.tls.ca_file.empty() || !config.tls.cert_file.empty();
  for (const std::string& entry : config.masters) {
    if (entry.starts_with("zk://")) {
      auto url = parse_zookeeper_url(entry);
      if (!url) return Error{"`masters`: " + url.error()};
      if (directory->zk_url_)
        return Error{"`masters` has two zk:// URLs; write one with all servers"};
      directory->zk_url_ = std::move(*url);
      continue;
    }
    const bool has_scheme = entry.find("://") != std::string::npos;
    auto url = has_scheme ? parse_http_url(entry) : parse_host_port(entry, kMesosMasterPort);
    if (!url) return Error{"`masters`: " + url.error()};
    if (!has_scheme) url->tls = directory->tls_;
    directory->listed_ips_.push_back(is_ip(url->host) ? url->host : "");
    directory->listed_.push_back(MasterAddress{std::move(*url), ""});
  }
  if (directory->listed_.empty() && !directory->zk_url_) {
    return Error{"`masters` names no master; write host:5050 or zk://host:2181/mesos"};
  }
  return directory;
}

void MasterDirectory::start() {
  if (!zk_url_) return;
  zk_ = ZkLeader::start(
      *zk_url_, times_, [this](const std::vector<ZkMaster>& masters) { zk_changed(masters); },
      [this](bool connected, const std::string& detail) { hooks_.zk_state(connected, detail); });
}

MasterDirectory::~MasterDirectory() = default;

MasterAddress MasterDirectory::address_of(const MesosMaster& master) const {
  HttpUrl url;
  url.tls = tls_;
  url.host = master.ip;
  url.port = master.port;
  return MasterAddress{std::move(url), ""};
}

void MasterDirectory::zk_changed(const std::vector<ZkMaster>& masters) {
  bool is_other_leader = false;
  {
    const std::lock_guard lock(mutex_);
    is_other_leader = zk_masters_.empty() || zk_masters_.front().master != masters.front().master;
    zk_masters_ = masters;
    // A redirection may have brought us there already.
    if (leader_ && leader_address_ == masters.front().master) is_other_leader = false;
    if (is_other_leader) {
      redirected_.reset();
      redirections_ = 0;
      leader_.reset();
      ++generation_;
    }
  }
  hooks_.changed(is_other_leader);
}

std::optional<MasterAddress> MasterDirectory::next() const {
  const std::lock_guard lock(mutex_);
  if (redirected_) return redirected_;
  if (!zk_masters_.empty()) {
    MasterAddress address = address_of(zk_masters_.front().master);
    // With TLS, a certificate is for the name rather than for the address.
    if (tls_ && !zk_masters_.front().hostname.empty()) {
      address.fallback_ip = std::exchange(address.url.host, zk_masters_.front().hostname);
    }
    return address;
  }
  if (listed_.empty()) return std::nullopt;
  return listed_[position_];
}

bool MasterDirectory::failed() {
  const std::lock_guard lock(mutex_);
  leader_.reset();
  redirections_ = 0;
  // What a master said about the leader may be out of date: ask the next one, too.
  redirected_.reset();
  if (!zk_masters_.empty() || listed_.empty()) return true;
  position_ = (position_ + 1) % listed_.size();
  return position_ == 0;
}

Status MasterDirectory::redirected(const HttpUrl& from, const std::string& location) {
  auto url = resolve_location(from, location);
  if (!url) return Error{authority(from) + " redirects to an unusable place: " + url.error()};
  const std::lock_guard lock(mutex_);
  if (++redirections_ > kMaxRedirections) {
    redirections_ = 0;
    redirected_.reset();
    return Error{"the masters send us around in a circle, last from " + authority(from) + " to " +
                 authority(*url)};
  }
  MasterAddress address{std::move(*url), ""};
  for (const ZkMaster& known : zk_masters_) {
    if (known.hostname == address.url.host && known.master.port == address.url.port) {
      address.fallback_ip = known.master.ip;
    }
  }
  // ZooKeeper knows one leader; if that is not who sends us away, it is whom we are sent to.
  if (address.fallback_ip.empty() && !zk_masters_.empty() &&
      zk_masters_.front().master.ip != from.host && zk_masters_.front().hostname != from.host) {
    address.fallback_ip = zk_masters_.front().master.ip;
  }
  redirected_ = std::move(address);
  return Done{};
}

void MasterDirectory::confirmed(const MasterAddress& master, const std::string& peer_ip) {
  const std::lock_guard lock(mutex_);
  redirections_ = 0;
  leader_ = master;
  leader_address_ = MesosMaster{peer_ip, master.url.port};
  for (size_t i = 0; i < listed_.size(); ++i) {
    if (listed_[i].url.host == master.url.host && listed_[i].url.port == master.url.port) {
      listed_ips_[i] = peer_ip;
      position_ = i;
    }
  }
}

std::vector<std::string> MasterDirectory::unresolved() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> hosts;
  for (size_t i = 0; zk_masters_.empty() && i < listed_.size(); ++i) {
    if (listed_ips_[i].empty()) hosts.push_back(listed_[i].url.host);
  }
  return hosts;
}

void MasterDirectory::resolved(const std::string& host, const std::string& ip) {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < listed_.size(); ++i) {
    if (listed_[i].url.host == host) listed_ips_[i] = ip;
  }
}

std::optional<MasterAddress> MasterDirectory::leader() const {
  const std::lock_guard lock(mutex_);
  return leader_;
}

MesosMasters MasterDirectory::masters() const {
  const std::lock_guard lock(mutex_);
  MesosMasters result;
  result.leader = leader_address_;
  if (!zk_masters_.empty()) {
    result.leader = zk_masters_.front().master;
    for (const ZkMaster& known : zk_masters_) result.masters.push_back(known.master);
    return result;
  }
  for (size_t i = 0; i < listed_.size(); ++i) {
    if (listed_ips_[i].empty()) continue;
    result.masters.push_back(MesosMaster{listed_ips_[i], listed_[i].url.port});
  }
  return result;
}

uint64_t MasterDirectory::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

}  // namespace vipgate
