#include "controlplane/mesos/auth.h"

#include <ctime>
#include <fstream>
#include <iterator>

#include "common/json_text.h"
#include "common/system_error.h"
#include "controlplane/mesos/json_field.h"
#include "controlplane/mesos/jwt.h"

namespace vipgate {
namespace {

constexpr size_t kMaxFileBytes = 64 << 10;
constexpr size_t kMaxTokenBytes = 16 << 10;
constexpr char kReadable[] = "; write the path of the file, and let this user read it";
constexpr int64_t kLoginSeconds = 3600;  // how long a login token would be good

Result<std::string> read_file(const std::string& key, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Error{system_error("auth." + key + " '" + path + "' cannot be read").message +
                 kReadable};
  }
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (file.bad()) return Error{"auth." + key + " '" + path + "' cannot be read" + kReadable};
  if (text.size() > kMaxFileBytes) {
    return Error{"auth." + key + " '" + path + "' is too large: more than 64 KiB" + kReadable};
  }
  return text;
}

struct IamConfig {
  std::string uid;
  std::string private_key;
  HttpUrl login;
};

Result<IamConfig> read_iam(const std::string& path) {
  auto text = read_file("config_file", path);
  if (!text) return Error{text.error()};
  const auto uid = json_string(*text, "/uid");
  const auto key = json_string(*text, "/private_key");
  const auto endpoint = json_string(*text, "/login_endpoint");
  if (!uid || !key || !endpoint) {
    return Error{"auth.config_file '" + path +
                 "' is no JSON object with the strings uid, private_key and login_endpoint"};
  }
  auto login = parse_http_url(*endpoint);
  if (!login) return Error{"auth.config_file '" + path + "': login_endpoint: " + login.error()};
  return IamConfig{*uid, *key, std::move(*login)};
}

// What goes into a header line must not end it.
bool is_header_safe(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f) return false;
  }
  return !text.empty();
}

}  // namespace

Result<Authenticator> Authenticator::create(const MesosAuthConfig& config) {
  Authenticator authenticator(config);
  if (config.type == MesosAuthType::kBasic) {
    if (auto header = authenticator.basic(); !header) return Error{header.error()};
  } else if (config.type == MesosAuthType::kIam) {
    auto iam = read_iam(config.config_file);
    if (!iam) return Error{iam.error()};
    if (auto token = make_login_token(iam->uid, 0, iam->private_key); !token) {
      return Error{"auth.config_file '" + config.config_file + "': " + token.error()};
    }
  }
  return authenticator;
}

Result<std::string> Authenticator::basic() const {
  auto secret = read_file("secret_file", config_.secret_file);
  if (!secret) return Error{secret.error()};
  while (secret->ends_with('\n') || secret->ends_with('\r')) secret->pop_back();
  return "Basic " + base64(config_.principal + ":" + *secret);
}

Result<std::string> Authenticator::log_in(HttpClient& client, const HttpLimits& limits) const {
  auto iam = read_iam(config_.config_file);
  if (!iam) return Error{iam.error()};
  auto token = make_login_token(iam->uid, std::time(nullptr) + kLoginSeconds, iam->private_key);
  if (!token) return Error{"auth.config_file '" + config_.config_file + "': " + token.error()};
  HttpRequest request;
  request.method = "POST";
  request.url = iam->login;
  request.headers = {{"Content-Type", "application/json"}, {"Connection", "close"}};
  request.body = "{\"uid\":" + json_quote(iam->uid) + ",\"token\":" + json_quote(*token) + "}";
  HttpLimits answer = limits;
  answer.body_bytes = kMaxTokenBytes;
  auto response = client.fetch(request, answer);
  if (!response) return Error{"login failed: " + response.error()};
  if (response->status != 200) {
    return Error{"login failed: " + to_string(iam->login) + " answered " +
                 std::to_string(response->status) + " for uid '" + iam->uid + "'"};
  }
  const auto granted = json_string(response->body, "/token");
  if (!granted || !is_header_safe(*granted)) {
    return Error{"login failed: the answer of " + to_string(iam->login) + " holds no token"};
  }
  return "token=" + *granted;
}

Result<std::optional<std::string>> Authenticator::header(HttpClient& client,
                                                         const HttpLimits& limits) {
  if (config_.type == MesosAuthType::kNone) return std::optional<std::string>();
  if (!header_) {
    auto made = config_.type == MesosAuthType::kBasic ? basic() : log_in(client, limits);
    if (!made) return Error{made.error()};
    header_ = std::move(*made);
  }
  return header_;
}

}  // namespace vipgate
