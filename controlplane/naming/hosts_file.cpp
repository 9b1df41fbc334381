#include "controlplane/naming/hosts_file.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

namespace vipgate {
namespace {

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

}  // namespace

HostLookup read_hosts_file(const std::string& file) {
  const auto hosts = std::make_shared<std::map<std::string, std::vector<IpAddress>>>();
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word;
    if (!(words >> word)) continue;
    const auto address = parse_ip_address(word);
    if (!address) continue;
    while (words >> word) {
      std::vector<IpAddress>& known = (*hosts)[lower(word)];
      if (std::find(known.begin(), known.end(), *address) == known.end()) {
        known.push_back(*address);
      }
    }
  }
  return [hosts](const std::string& host) {
    const auto found = hosts->find(lower(host));
    return found == hosts->end() ? std::vector<IpAddress>() : found->second;
  };
}

}  // namespace vipgate
