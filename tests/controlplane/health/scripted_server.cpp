#include "tests/controlplane/health/scripted_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace vipgate::test {
namespace {

FileDescriptor bind_to(const std::string& address, int type) {
  const IpAddress ip = parse_ip_address(address).value();
  FileDescriptor fd(socket(ip.is_v4() ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
  int result;
  if (ip.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, ip.bytes().data(), 4);
    result = bind(fd.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, ip.bytes().data(), 16);
    result = bind(fd.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  EXPECT_EQ(result, 0) << address << ": " << std::strerror(errno);
  return fd;
}

}  // namespace

FileDescriptor listen_on(const std::string& address, int backlog) {
  FileDescriptor fd = bind_to(address, SOCK_STREAM);
  EXPECT_EQ(listen(fd.get(), backlog), 0);
  return fd;
}

FileDescriptor bind_datagram(const std::string& address) { return bind_to(address, SOCK_DGRAM); }

RealKey local_endpoint(int socket) {
  sockaddr_in6 name{};
  socklen_t length = sizeof name;
  EXPECT_EQ(getsockname(socket, reinterpret_cast<sockaddr*>(&name), &length), 0);
  if (name.sin6_family == AF_INET6) {
    Ipv6Address address;
    std::memcpy(address.bytes.data(), &name.sin6_addr, 16);
    return {address, ntohs(name.sin6_port)};
  }
  sockaddr_in v4;
  std::memcpy(&v4, &name, sizeof v4);
  return {Ipv4Address{Be32(ntohl(v4.sin_addr.s_addr))}, ntohs(v4.sin_port)};
}

ScriptedServer::ScriptedServer(Serve serve, const std::string& address)
    : serve_(std::move(serve)),
      listener_(listen_on(address)),
      endpoint_(local_endpoint(listener_.get())),
      thread_([this] { run(); }) {}

ScriptedServer::~ScriptedServer() {
  shutdown(listener_.get(), SHUT_RDWR);  // ends accept()
  thread_.join();
}

void ScriptedServer::run() {
  for (;;) {
    FileDescriptor connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() < 0) return;
    ++accepted_;
    const int on = 1;
    setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    serve_(connection.get());
    connections_.push_back(std::move(connection));
  }
}

DatagramServer::DatagramServer(Answer answer, const std::string& address)
    : answer_(std::move(answer)),
      socket_(bind_datagram(address)),
      endpoint_(local_endpoint(socket_.get())),
      thread_([this] {
        std::array<char, 2048> buffer;
        for (;;) {
          sockaddr_storage client{};
          socklen_t length = sizeof client;
          const ssize_t count = recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                         reinterpret_cast<sockaddr*>(&client), &length);
          if (count <= 0) return;
          const std::string reply = answer_(std::string(buffer.data(), static_cast<size_t>(count)));
          if (reply.empty()) continue;
          sendto(socket_.get(), reply.data(), reply.size(), 0,
                 reinterpret_cast<const sockaddr*>(&client), length);
        }
      }) {}

DatagramServer::~DatagramServer() {
  shutdown(socket_.get(), SHUT_RDWR);
  thread_.join();
}

void send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;  // the check has had enough
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

std::string read_until(int connection, std::string_view end) {
  std::string text;
  char byte;
  while (!text.ends_with(end) && recv(connection, &byte, 1, 0) == 1) text += byte;
  return text;
}

struct TlsIdentity::Parts {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  Parts() = default;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    SSL_CTX_free(context);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
};

TlsIdentity::TlsIdentity(const std::string& name) : parts_(std::make_unique<Parts>()) {
  X509* certificate = parts_->certificate;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, parts_->key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  const std::string names = "DNS:" + name + ",IP:127.0.0.1";
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  X509_sign(certificate, parts_->key, EVP_sha256());
  EXPECT_EQ(SSL_CTX_use_certificate(parts_->context, certificate), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(parts_->context, parts_->key), 1);

  file_ = ::testing::TempDir() + "vipgate-health-" + std::to_string(getpid()) + "-" + name + ".pem";
  FILE* file = std::fopen(file_.c_str(), "w");
  EXPECT_NE(file, nullptr) << file_;
  if (file == nullptr) return;
  EXPECT_EQ(PEM_write_X509(file, certificate), 1);
  std::fclose(file);
}

TlsIdentity::~TlsIdentity() { std::remove(file_.c_str()); }

TlsIdentity::Client TlsIdentity::serve(int connection, std::string_view reply, int requests) const {
  SSL* ssl = SSL_new(parts_->context);
  SSL_set_fd(ssl, connection);
  Client client;
  if (SSL_accept(ssl) == 1) {
    if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) {
      client.asked_name = name;
    }
    client.is_resumed = SSL_session_reused(ssl) == 1;
    std::array<char, 4096> request;
    size_t count = 0;
    for (; requests > 0 && SSL_read_ex(ssl, request.data(), request.size(), &count) == 1;
         --requests) {
      SSL_write_ex(ssl, reply.data(), reply.size(), &count);
    }
  }
  SSL_free(ssl);
  return client;
}

}  // namespace vipgate::test
