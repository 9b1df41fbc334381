#include "controlplane/http/http_server.h"

#include <pthread.h>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <utility>

#include "controlplane/http/http_session.h"

namespace vipgate {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using boost::system::error_code;

// After the system had no descriptor for a connection.
constexpr auto kHttpAcceptPause = std::chrono::milliseconds(100);

void accept_next(const std::shared_ptr<HttpCore>& core) {
  core->acceptor.async_accept([core](error_code error, Tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) {
      // The one that has been silent for longest gives its descriptor.
      if (!core->sessions.empty()) core->sessions.front()->end();
      core->pause.expires_after(kHttpAcceptPause);
      core->pause.async_wait([core](error_code stopped) {
        if (!stopped) accept_next(core);
      });
      return;
    }
    if (core->sessions.size() >= core->options.connections) core->sessions.front()->end();
    const auto session = std::make_shared<HttpSession>(core, std::move(socket));
    ++core->count;
    session->begin(core->sessions.insert(core->sessions.end(), session));
    accept_next(core);
  });
}

Status use_certificate(HttpCore& core) {
  const HttpServerOptions& options = core.options;
  if (options.cert_file.empty()) return Done{};
  error_code error;
  asio::ssl::context& tls = core.tls.emplace(asio::ssl::context::tls_server);
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                  asio::ssl::context::no_tlsv1_1);
  tls.use_certificate_chain_file(options.cert_file, error);
  if (error) return Error{options.cert_file + ": no certificate chain: " + error.message()};
  tls.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
  if (error) return Error{options.key_file + ": no key of the certificate: " + error.message()};
  if (options.client_ca_file.empty()) return Done{};
  tls.load_verify_file(options.client_ca_file, error);
  if (error) return Error{options.client_ca_file + ": no certificates: " + error.message()};
  // Who shows none may have a token; who shows another one's is not let in.
  tls.set_verify_mode(asio::ssl::verify_peer);
  SSL_CTX_set_client_CA_list(tls.native_handle(),
                             SSL_load_client_CA_file(options.client_ca_file.c_str()));
  // Sessions that are resumed keep their certificate; they are told from those of other programs.
  constexpr unsigned char kSessions[] = "vipgate";
  SSL_CTX_set_session_id_context(tls.native_handle(), kSessions, sizeof kSessions);
  return Done{};
}

Status listen(HttpCore& core) {
  const HttpServerOptions& options = core.options;
  error_code error;
  const std::string where = endpoint_to_string(options.address, options.port);
  const Tcp::endpoint endpoint(asio::ip::make_address(to_string(options.address)), options.port);
  core.acceptor.open(endpoint.protocol(), error);
  if (!error) core.acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) {
    core.acceptor.set_option(asio::ip::v6_only(true), error);
  }
  if (!error) core.acceptor.bind(endpoint, error);
  if (!error) core.acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return Error{"cannot listen at " + where + ": " + error.message()};
  return Done{};
}

}  // namespace

struct HttpServer::Parts {
  std::shared_ptr<HttpCore> core;
  std::thread thread;
};

HttpServer::HttpServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options,
                                                      HttpRouter router) {
  auto core = std::make_shared<HttpCore>(std::move(options), std::move(router));
  if (auto status = use_certificate(*core); !status) return Error{status.error()};
  if (auto status = listen(*core); !status) return Error{status.error()};
  accept_next(core);
  auto parts = std::make_unique<Parts>();
  parts->core = core;
  parts->thread = std::thread([core] {
    pthread_setname_np(pthread_self(), "vg-http");
    core->io.run();
  });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts)));
}

HttpServer::~HttpServer() {
  // Then there is nothing left to wait for, and the thread ends.
  asio::post(parts_->core->io, [core = parts_->core] {
    error_code ignored;  // it is given up in any case
    core->acceptor.close(ignored);
    core->pause.cancel();
    while (!core->sessions.empty()) core->sessions.front()->end();
  });
  parts_->thread.join();
}

uint16_t HttpServer::port() const { return parts_->core->acceptor.local_endpoint().port(); }

size_t HttpServer::connections() const { return parts_->core->count; }

}  // namespace vipgate
