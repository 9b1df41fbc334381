#include "controlplane/config/config_reader_rest.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "common/address_and_port.h"
#include "common/system_error.h"

namespace vipgate {
namespace {

constexpr size_t kShortestToken = 16;
// Before the name in a certificate, in the place of a token.
constexpr std::string_view kCommonName = "CN=";

bool is_loopback(const IpAddress& address) {
  if (address.is_v4()) return address.v4().value.host() >> 24 == 127;
  Ipv6Address loopback;
  loopback.bytes[15] = 1;
  return address.v6() == loopback;
}

// "127.0.0.1:8080", "[::1]:8080"
Result<RestEndpoint> parse_listen(const YamlNode& node) {
  const bool is_scalar = node.kind == YamlNode::Kind::kScalar;
  const auto parsed = parse_address_and_port(is_scalar ? node.scalar : std::string_view());
  if (!parsed) {
    return Error{quote_value(node.scalar) +
                 " is no address and port; write 127.0.0.1:8080 or \"[::1]:8080\""};
  }
  return RestEndpoint{parsed->address, parsed->port};
}

// As above, or without the port: then it is Mesos-DNS's.
Result<RestEndpoint> parse_mesos_dns_listen(const YamlNode& node) {
  constexpr uint16_t kMesosDnsPort = 8123;
  const std::string text = node.kind == YamlNode::Kind::kScalar ? node.scalar : std::string();
  const std::string with_port = text + ":" + std::to_string(kMesosDnsPort);
  auto parsed = parse_address_and_port(text);
  if (!parsed) parsed = parse_address_and_port(with_port);
  if (parsed) return RestEndpoint{parsed->address, parsed->port};
  return Error{quote_value(node.scalar) +
               " is no address, nor one with a port; write 127.0.0.1, 127.0.0.1:8123 or "
               "\"[::1]:8123\""};
}

Rule<RestEndpoint> listen_rule(Result<RestEndpoint> (*parse)(const YamlNode&)) {
  return {{KeyType::kText, {}, {}, {}}, parse, [](const RestEndpoint& endpoint) {
            return endpoint_to_string(endpoint.address, endpoint.port);
          }};
}

// Whether this user may read the file; else why not.
Status check_readable(const std::string& path) {
  if (access(path.c_str(), R_OK) == 0) return Done{};
  return Error{system_error("'" + path + "' cannot be read").message +
               "; write the path of the file, and let this user read it"};
}

bool listens_at(const std::vector<RestEndpoint>& known, const RestEndpoint& at) {
  return std::find(known.begin(), known.end(), at) != known.end();
}

void check_mesos_dns_listener(const RestConfig& rest, size_t number, const YamlNode& root,
                              Diagnostics& diagnostics) {
  const RestEndpoint& at = rest.mesos_dns_listen[number];
  const auto wrong = [&](const std::string& why) {
    diagnostics.error(position_at(root, {"rest", "mesos_dns_listen", number}),
                      "mesos_dns_listen: " + why);
  };
  if (listens_at(rest.listen, at)) {
    wrong(endpoint_to_string(at.address, at.port) +
          " is where the API listens (listen); write another port");
  }
  const bool is_guarded = !rest.cert_file.empty() && !rest.tokens_file.empty();
  if (mesos_dns_is_plain(rest, at) || is_guarded) return;
  wrong(to_string(at.address) +
        " is no loopback address; write plaintext: true to let everybody who reaches it read all "
        "names, or add tls and tokens_file, which clients of Mesos-DNS do not know");
}

}  // namespace

void read_rest(Section& s, RestConfig& rest) {
  static const auto kFile = optional_text_rule("the path of a PEM file");
  s.list("listen", rest.listen, listen_rule(parse_listen));
  s.map("tls", [&](Section& t) {
    t.value("cert_file", rest.cert_file, kFile);
    t.value("key_file", rest.key_file, kFile);
    t.value("client_ca_file", rest.client_ca_file, kFile);
  });
  s.value("tokens_file", rest.tokens_file, optional_text_rule("the path of a file"));
  s.value("connections", rest.connections, integer_rule<uint32_t>(1, 100'000));
  s.value("body_mb", rest.body_mb, integer_rule<uint32_t>(1, 1024));
  s.list("mesos_dns_listen", rest.mesos_dns_listen, listen_rule(parse_mesos_dns_listen));
  s.value("plaintext", rest.plaintext, boolean_rule());
  s.value("enumeration", rest.enumeration, boolean_rule());
}

bool mesos_dns_is_plain(const RestConfig& rest, const RestEndpoint& at) {
  return rest.plaintext || is_loopback(at.address);
}

void check_rest(const Config& config, const YamlNode& root, ConfigUse use,
                Diagnostics& diagnostics) {
  const RestConfig& rest = config.rest;
  const bool has_tls = !rest.cert_file.empty();
  if (has_tls != !rest.key_file.empty()) {
    diagnostics.error(position_at(root, {"rest", "tls"}),
                      "tls: cert_file and key_file belong together; write both or neither");
    return;
  }
  if (!rest.client_ca_file.empty() && (!has_tls || rest.tokens_file.empty())) {
    diagnostics.error(position_at(root, {"rest", "tls", "client_ca_file"}),
                      "client_ca_file: clients' certificates need cert_file and key_file, and "
                      "tokens_file with lines as: admin CN=NAME-IN-THE-CERTIFICATE NAME");
  }
  for (size_t i = 0; i < rest.listen.size(); ++i) {
    if (is_loopback(rest.listen[i].address) || (has_tls && !rest.tokens_file.empty())) continue;
    diagnostics.error(
        position_at(root, {"rest", "listen", i}),
        "listen: " + to_string(rest.listen[i].address) +
            " is no loopback address, so the API needs tls and tokens_file there; add "
            "them, or write 127.0.0.1");
  }
  for (size_t i = 0; i < rest.mesos_dns_listen.size(); ++i) {
    check_mesos_dns_listener(rest, i, root, diagnostics);
  }
  if (use != ConfigUse::kStart) return;
  const auto check = [&](const Status& status, std::initializer_list<YamlStep> path) {
    if (!status) diagnostics.error(position_at(root, path), status.error());
  };
  if (has_tls) {
    check(check_readable(rest.cert_file), {"rest", "tls", "cert_file"});
    check(check_readable(rest.key_file), {"rest", "tls", "key_file"});
  }
  if (!rest.client_ca_file.empty()) {
    check(check_readable(rest.client_ca_file), {"rest", "tls", "client_ca_file"});
  }
  if (rest.tokens_file.empty()) return;
  const auto tokens = read_tokens(rest.tokens_file);
  if (!tokens) return check(Error{tokens.error()}, {"rest", "tokens_file"});
  for (const HttpToken& token : *tokens) {
    if (!token.is_certificate || !rest.client_ca_file.empty()) continue;
    check(Error{"'" + rest.tokens_file + "' has CN=" + token.token +
                ": name those who issue clients' certificates in rest.tls.client_ca_file"},
          {"rest", "tokens_file"});
  }
}

Result<std::vector<HttpToken>> read_tokens(const std::string& path) {
  if (auto status = check_readable(path); !status) return Error{status.error()};
  std::ifstream file(path);
  std::vector<HttpToken> tokens;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    std::istringstream words(line);
    std::string role, token, name, more;
    if (!(words >> role) || role.starts_with('#')) continue;
    const auto wrong = [&](const std::string& why) {
      Error error{"'" + path + "', line "};
      error.message.append(std::to_string(number)).append(": ").append(why);
      return error;
    };
    if (role != "admin" && role != "read") {
      return wrong(
          "a line begins with admin or read, then come the token, or CN= and the common "
          "name in a certificate, and a name");
    }
    if (!(words >> token >> name) || words >> more) {
      return wrong("write the role, the token and a name, without further words");
    }
    const ApiRole what = role == "admin" ? ApiRole::kAdmin : ApiRole::kReader;
    if (token.starts_with(kCommonName)) {
      if (token.size() == kCommonName.size()) return wrong("a name comes behind CN=");
      tokens.push_back({token.substr(kCommonName.size()), std::move(name), what, true});
      continue;
    }
    if (token.size() < kShortestToken) {
      return wrong("the token of '" + name + "' has fewer than " + std::to_string(kShortestToken) +
                   " characters; make one by: openssl rand -hex 24");
    }
    tokens.push_back({std::move(token), std::move(name), what});
  }
  if (tokens.empty()) {
    return Error{"'" + path + "' has no token; write a line: admin TOKEN NAME"};
  }
  return tokens;
}

}  // namespace vipgate
