#include "controlplane/store/zookeeper_session.h"

#define THREADED  // the calls that block
#include <zookeeper/zookeeper.h>

#include <cerrno>
#include <system_error>

#include "controlplane/zookeeper_log.h"

namespace vipgate {
namespace {

constexpr int kSessionTimeoutMs = 6000;
constexpr size_t kMaxNodeBytes = 1u << 20;  // jute.maxbuffer

}  // namespace

struct ZookeeperSession::Impl {
  OnEvent on_event;
  zhandle_t* handle = nullptr;
  const ACL_vector* acl = &ZOO_OPEN_ACL_UNSAFE;
  std::string buffer = std::string(kMaxNodeBytes, '\0');

  static void on_session(zhandle_t*, int type, int state, const char*, void* context) {
    if (type != ZOO_SESSION_EVENT) return;
    const auto& self = *static_cast<Impl*>(context);
    if (state == ZOO_CONNECTED_STATE) {
      self.on_event({ZkEvent::Kind::kConnected, ""});
    } else if (state == ZOO_EXPIRED_SESSION_STATE) {
      self.on_event({ZkEvent::Kind::kExpired, ""});
    } else if (state == ZOO_AUTH_FAILED_STATE) {
      self.on_event({ZkEvent::Kind::kAuthFailed, ""});
    } else {
      self.on_event({ZkEvent::Kind::kDisconnected, ""});
    }
  }

  // Every watch also hears of the session: on_session() does that once.
  static void on_node(zhandle_t*, int type, int, const char* path, void* context) {
    const auto& self = *static_cast<Impl*>(context);
    if (type == ZOO_CHILD_EVENT) {
      self.on_event({ZkEvent::Kind::kChildren, path});
    } else if (type == ZOO_CHANGED_EVENT || type == ZOO_DELETED_EVENT) {
      self.on_event({ZkEvent::Kind::kData, path});
    }
  }
};

ZookeeperSession::ZookeeperSession() : impl_(std::make_unique<Impl>()) {}

ZookeeperSession::~ZookeeperSession() {
  if (impl_->handle != nullptr) zookeeper_close(impl_->handle);
}

Result<std::unique_ptr<ZookeeperSession>> ZookeeperSession::open(const ZookeeperUrl& url,
                                                                 OnEvent on_event) {
  std::unique_ptr<ZookeeperSession> session(new ZookeeperSession);
  Impl& impl = *session->impl_;
  impl.on_event = std::move(on_event);
  impl.handle = zookeeper_init2(url.hosts.c_str(), Impl::on_session, kSessionTimeoutMs, nullptr,
                                &impl, 0, log_zookeeper_line);
  if (impl.handle == nullptr) {
    return Error{"ZooKeeper " + url.hosts + ": " + std::generic_category().message(errno) +
                 "; look at the hosts in the key store"};
  }
  if (!url.credentials.empty()) {
    impl.acl = &ZOO_CREATOR_ALL_ACL;
    zoo_add_auth(impl.handle, "digest", url.credentials.data(),
                 static_cast<int>(url.credentials.size()), nullptr, nullptr);
  }
  return session;
}

ZkCode ZookeeperSession::code_of(int error) {
  switch (error) {
    case ZOK:
      return ZkCode::kOk;
    case ZNONODE:
      return ZkCode::kNoNode;
    case ZNODEEXISTS:
    case ZNOTEMPTY:
      return ZkCode::kExists;
    case ZBADVERSION:
      return ZkCode::kVersion;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
      return ZkCode::kLost;
    case ZSESSIONEXPIRED:
    case ZINVALIDSTATE:
    case ZCLOSING:
      return ZkCode::kExpired;
    default:
      detail_ = zerror(error);
      return ZkCode::kRefused;
  }
}

ZkCode ZookeeperSession::create(const std::string& path) {
  return code_of(zoo_create(impl_->handle, path.c_str(), "", 0, impl_->acl, 0, nullptr, 0));
}

ZkCode ZookeeperSession::identity(const std::string& path, int64_t& czxid) {
  Stat stat{};
  const ZkCode code = code_of(zoo_exists(impl_->handle, path.c_str(), 0, &stat));
  czxid = stat.czxid;
  return code;
}

ZkCode ZookeeperSession::children(const std::string& path, std::vector<std::string>& names) {
  String_vector found{};
  const ZkCode code =
      code_of(zoo_wget_children(impl_->handle, path.c_str(), Impl::on_node, impl_.get(), &found));
  if (code != ZkCode::kOk) return code;
  names.assign(found.data, found.data + found.count);
  deallocate_String_vector(&found);
  return code;
}

ZkCode ZookeeperSession::get(const std::string& path, ZkNode& node) {
  auto length = static_cast<int>(impl_->buffer.size());
  Stat stat{};
  const ZkCode code = code_of(zoo_wget(impl_->handle, path.c_str(), Impl::on_node, impl_.get(),
                                       impl_->buffer.data(), &length, &stat));
  if (code != ZkCode::kOk) return code;
  node.data.assign(impl_->buffer.data(), static_cast<size_t>(length < 0 ? 0 : length));
  node.mzxid = stat.mzxid;
  node.version = stat.version;
  return code;
}

ZkCode ZookeeperSession::write(const std::string& space_path, const std::vector<ZkWrite>& writes,
                               int64_t& mzxid, std::optional<size_t>& failed) {
  std::vector<zoo_op_t> operations(writes.size() + 1);
  std::vector<zoo_op_result_t> results(operations.size());
  std::vector<Stat> stats(operations.size());
  for (size_t i = 0; i < writes.size(); ++i) {
    const ZkWrite& one = writes[i];
    const auto size = static_cast<int>(one.data.size());
    switch (one.kind) {
      case ZkWrite::Kind::kCreate:
        zoo_create_op_init(&operations[i], one.path.c_str(), one.data.c_str(), size, impl_->acl, 0,
                           nullptr, 0);
        break;
      case ZkWrite::Kind::kSet:
        zoo_set_op_init(&operations[i], one.path.c_str(), one.data.c_str(), size, one.version,
                        &stats[i]);
        break;
      case ZkWrite::Kind::kRemove:
        zoo_delete_op_init(&operations[i], one.path.c_str(), one.version);
        break;
    }
  }
  // Only a set tells the number of the transaction, which all its writes share.
  zoo_set_op_init(&operations.back(), space_path.c_str(), "", 0, -1, &stats.back());
  const int error = zoo_multi(impl_->handle, static_cast<int>(operations.size()), operations.data(),
                              results.data());
  failed.reset();
  for (size_t i = 0; i < writes.size() && error != ZOK; ++i) {
    // Those beside the one to blame say ZRUNTIMEINCONSISTENCY, those before it ZOK.
    if (results[i].err == error && !failed) failed = i;
  }
  mzxid = stats.back().mzxid;
  return code_of(error);
}

}  // namespace vipgate
