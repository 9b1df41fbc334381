#include "controlplane/vipctl/api_client.h"

#include <cpprest/http_client.h>

#include <algorithm>
#include <boost/asio/ssl/context.hpp>
#include <utility>

#include "controlplane/vipctl/json_members.h"

namespace vipgate {

struct ApiClient::Parts {
  std::string url;
  std::string token;
  std::unique_ptr<web::http::client::http_client> client;
  pplx::cancellation_token_source given_up;

  web::http::http_request request(const std::string& method, const std::string& path) const {
    web::http::http_request made(method);
    made.set_request_uri(path);
    if (!token.empty()) {
      made.headers().add(web::http::header_names::authorization, "Bearer " + token);
    }
    return made;
  }
};

namespace {

// What the command line names for TLS.
Status use_files(boost::asio::ssl::context& context, const ApiClientOptions& options) {
  boost::system::error_code error;
  const auto wrong = [&](const char* option, const std::string& file) {
    return Error{std::string(option) + ": " + file + ": " + error.message()};
  };
  if (!options.ca_file.empty()) {
    context.load_verify_file(options.ca_file, error);
    if (error) return wrong("--ca", options.ca_file);
  }
  if (options.cert_file.empty()) return Done{};
  context.use_certificate_chain_file(options.cert_file, error);
  if (error) return wrong("--cert", options.cert_file);
  const std::string& key = options.key_file.empty() ? options.cert_file : options.key_file;
  context.use_private_key_file(key, boost::asio::ssl::context::pem, error);
  return error ? Status(wrong("--key", key)) : Status(Done{});
}

}  // namespace

ApiClient::ApiClient(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ApiClient::~ApiClient() = default;

Result<std::unique_ptr<ApiClient>> ApiClient::create(const ApiClientOptions& options) {
  web::http::client::http_client_config config;
  config.set_timeout(options.timeout);
  // Tried here, as nobody asks why there where it is used.
  boost::asio::ssl::context tried(boost::asio::ssl::context::tls_client);
  if (auto status = use_files(tried, options); !status) return Error{status.error()};
  config.set_ssl_context_callback([options](boost::asio::ssl::context& context) {
    // It was good a moment ago; if it has gone, the gateway will say that it knows nobody.
    (void)use_files(context, options);
  });
  auto parts = std::make_unique<Parts>();
  parts->url = options.url;
  parts->token = options.token;
  try {
    const web::uri uri(options.url);
    if (uri.scheme() != "http" && uri.scheme() != "https") {
      return Error{"--url: '" + options.url + "' is neither http:// nor https://"};
    }
    parts->client = std::make_unique<web::http::client::http_client>(uri, config);
  } catch (const std::exception& error) {
    return Error{"--url: '" + options.url + "': " + error.what()};
  }
  return std::unique_ptr<ApiClient>(new ApiClient(std::move(parts)));
}

Error ApiClient::unreachable(const std::string& why) const {
  if (why.find("SSL") != std::string::npos) {
    return Error{parts_->url + " is not talked to: " + why +
                 "; say by --ca who has issued its certificate, and by --cert what to show if it "
                 "wants one (openssl s_client -connect HOST:PORT tells more)"};
  }
  return Error{parts_->url + " does not answer: " + why +
               "; is vipgated running with `rest.listen` at this address? (systemctl status "
               "vipgated; --url or $VIPGATE_URL for another one)"};
}

Result<ApiReply> ApiClient::ask(const ApiQuestion& question) {
  web::http::http_request request = parts_->request(question.method, question.path);
  if (!question.if_match.empty()) {
    request.headers().add(web::http::header_names::if_match, question.if_match);
  }
  if (!question.content_type.empty()) request.set_body(question.body, question.content_type);
  try {
    const web::http::http_response response = parts_->client->request(request).get();
    ApiReply reply;
    reply.status = response.status_code();
    // Any type: problems have one of their own.
    reply.body = response.extract_utf8string(true).get();
    response.headers().match(web::http::header_names::etag, reply.etag);
    return reply;
  } catch (const std::exception& error) {
    return unreachable(error.what());
  }
}

Result<ApiReply> ApiClient::follow(const std::string& path,
                                   const std::function<bool(const ApiEvent&)>& take) {
  ApiReply ended;
  try {
    const auto response = parts_->client->request(parts_->request("GET", path)).get();
    ended.status = response.status_code();
    if (ended.status != 200) {
      ended.body = response.extract_utf8string(true).get();
      return ended;
    }
    const auto body = response.body();
    ApiEvent event;
    while (true) {
      concurrency::streams::container_buffer<std::string> buffer;
      const size_t length = body.read_line(buffer).get();
      if (length == 0 && body.is_eof()) return ended;
      const std::string& line = buffer.collection();
      constexpr std::string_view kType = "event: ", kData = "data: ";
      if (line.starts_with(kType)) {
        event.type = line.substr(kType.size());
      } else if (line.starts_with(kData)) {
        event.data = line.substr(kData.size());
      } else if (line.empty() && !event.type.empty()) {
        if (!take(event)) return ended;
        event = {};
      }
    }
  } catch (const std::exception& error) {
    if (ended.status == 200) return ended;  // a connection that breaks ends a stream, too
    return unreachable(error.what());
  }
}

Result<ApiReply> ApiClient::stream(const std::string& path,
                                   const std::function<bool(std::string_view)>& take) {
  ApiReply ended;
  try {
    const auto response =
        parts_->client->request(parts_->request("GET", path), parts_->given_up.get_token()).get();
    ended.status = response.status_code();
    if (ended.status != 200) {
      ended.body = response.extract_utf8string(true).get();
      return ended;
    }
    auto body = response.body().streambuf();
    using Buffer = decltype(body);
    std::string octets;
    // getn() waits until it has all that it is asked for: it is asked for what is there.
    while (body.getc().get() != Buffer::traits::eof()) {
      octets.resize(std::max<size_t>(body.in_avail(), 1));
      const size_t length =
          body.getn(reinterpret_cast<uint8_t*>(octets.data()), octets.size()).get();
      if (!take(std::string_view(octets).substr(0, length))) return ended;
    }
    return ended;
  } catch (const std::exception& error) {
    if (ended.status != 200) return unreachable(error.what());
    ended.is_whole = false;
    return ended;
  }
}

void ApiClient::give_up() { parts_->given_up.cancel(); }

std::string url_text(const std::string& text) { return web::uri::encode_data_string(text); }

Result<web::json::value> parse_object(const std::string& body) {
  // A document that is exported is to come back as it was.
  web::json::keep_object_element_order(true);
  std::error_code error;
  web::json::value value = web::json::value::parse(body, error);
  if (error || !value.is_object())
    return Error{"the answer is no JSON object: " + printable(body.substr(0, 200))};
  return value;
}

std::string problem_text(const ApiReply& reply) {
  const auto problem = parse_object(reply.body);
  const auto member = [](const web::json::value& object, const char* name) {
    return object.has_string_field(name) ? printable_lines(object.at(name).as_string())
                                         : std::string();
  };
  if (!problem) return "HTTP status " + std::to_string(reply.status);
  std::string text = member(*problem, "detail");
  if (text.empty()) text = "HTTP status " + std::to_string(reply.status);
  if (reply.status == 401) text += "; give a token by --token-file or $VIPGATE_TOKEN_FILE";
  if (problem->has_array_field("errors")) {
    for (const web::json::value& error : problem->at("errors").as_array()) {
      text += "\n  " + member(error, "detail");
    }
  }
  return text;
}

}  // namespace vipgate
