// Answers that are long and much alike, compressed for who asks for that (RFC 9110 12.5.3).
#pragma once

#include <zlib.h>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace vipgate {

// What Accept-Encoding says of gzip: named, or meant by a star, and with a weight that is not zero.
inline bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> named, starred;
  for (const auto& [coding, parameters] :
       boost::beast::http::ext_list({accept_encoding.data(), accept_encoding.size()})) {
    bool is_wanted = true;
    for (const auto& [name, value] : parameters) {
      if (boost::beast::iequals(name, "q")) {
        is_wanted = std::strtod(std::string(value).c_str(), nullptr) > 0;
      }
    }
    if (boost::beast::iequals(coding, "gzip")) named = is_wanted;
    if (coding == "*") starred = is_wanted;
  }
  return named.value_or(starred.value_or(false));
}

// Takes 300 KB beside the two texts, and for a megabyte some milliseconds. Empty: there is no
// memory for that.
inline std::string gzip(std::string_view text) {
  constexpr int kFast = 1, kGzip = 16 + MAX_WBITS, kUsualMemory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, kFast, Z_DEFLATED, kGzip, kUsualMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const bool is_whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  packed.resize(is_whole ? stream.total_out : 0);
  packed.shrink_to_fit();
  deflateEnd(&stream);
  return packed;
}

}  // namespace vipgate
