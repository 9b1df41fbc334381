// Rules for where other programs are reached: URLs of masters, Marathon and the state store.
#include "controlplane/config/config_rules.h"
#include "controlplane/config/zookeeper_url.h"

namespace vipgate {
namespace {

std::string not_visible_fault(const std::string& text) {
  const bool space = text.find_first_of(" \t") != std::string::npos;
  return space ? quote_value(without_password(text)) + " has a space in it; remove it" : "";
}

// Of "//host[:port][/path]", behind the scheme.
std::string http_fault(const std::string& text, size_t scheme, bool path_allowed) {
  std::string authority = text.substr(scheme);
  const size_t slash = authority.find('/');
  if (slash != std::string::npos) {
    if (!path_allowed) {
      return quote_value(without_password(text)) +
             " has a path; write the scheme, host and port alone";
    }
    authority.resize(slash);
  }
  if (authority.find('@') != std::string::npos) {
    return quote_value(without_password(text)) +
           " has a password in it; write it into the file that auth.secret_file names";
  }
  if (authority.find_first_of("?#") != std::string::npos) {
    return quote_value(text) + " has a query; write the scheme, host and port alone";
  }
  const bool has_port =
      authority.rfind(':') != std::string::npos && (authority.empty() || authority.back() != ']');
  return host_port_fault(has_port ? authority : authority + ":80");
}

size_t http_scheme_length(const std::string& text) {
  if (text.starts_with("http://")) return 7;
  return text.starts_with("https://") ? 8 : 0;
}

std::string master_fault(const std::string& text) {
  if (std::string fault = not_visible_fault(text); !fault.empty()) return fault;
  if (text.starts_with("zk://")) {
    auto url = parse_zookeeper_url(text);
    return url ? "" : url.error();
  }
  if (const size_t scheme = http_scheme_length(text); scheme > 0) {
    return http_fault(text, scheme, false);
  }
  if (text.find("://") != std::string::npos) {
    return quote_value(without_password(text)) +
           " has a scheme that is not known here; write http://, https:// or zk://";
  }
  return host_port_fault(text);
}

std::string store_fault(const std::string& text) {
  if (text == "none") return "";
  if (text.starts_with("zk://")) {
    if (std::string fault = not_visible_fault(text); !fault.empty()) return fault;
    auto url = parse_zookeeper_url(text);
    return url ? "" : url.error();
  }
  if (text.starts_with("sqlite:")) {
    const std::string path = text.substr(7);
    if (path.empty())
      return "'sqlite:' has no path; write sqlite:" + std::string(kDefaultStorePath);
    if (path.back() == '/') return quote_value(text) + " is a directory; write the path of a file";
    return "";
  }
  return quote_value(without_password(text)) +
         " is no store; write sqlite:PATH, zk://host:port/path or none";
}

}  // namespace

Rule<std::string> mesos_master_rule() {
  return checked_text_rule("a master, as 10.0.0.1:5050 or zk://10.0.0.1:2181/mesos", master_fault);
}

Rule<std::string> http_url_rule() {
  return checked_text_rule("a URL, as http://10.0.0.1:8080", [](const std::string& text) {
    if (std::string fault = not_visible_fault(text); !fault.empty()) return fault;
    const size_t scheme = http_scheme_length(text);
    if (scheme == 0) {
      return quote_value(without_password(text)) + " is no URL; begin with http:// or https://";
    }
    return http_fault(text, scheme, true);
  });
}

Rule<std::string> store_rule() {
  return checked_text_rule("sqlite:PATH, zk://host:port/path or none", store_fault);
}

}  // namespace vipgate
