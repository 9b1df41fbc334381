#include "controlplane/mesos/http_url.h"

#include <gtest/gtest.h>

namespace vipgate::http_url_test {
namespace {

HttpUrl url(bool tls, const char* host, uint16_t port, const char* target) {
  return HttpUrl{tls, host, port, target};
}

TEST(HttpUrl, SchemeHostPortAndTargetAreTakenApart) {
  EXPECT_EQ(*parse_http_url("http://m1:5050/api/v1"), url(false, "m1", 5050, "/api/v1"));
  EXPECT_EQ(*parse_http_url("https://10.0.0.1"), url(true, "10.0.0.1", 443, "/"));
  EXPECT_EQ(*parse_http_url("http://[2001:db8::1]:80/?a=b#c"),
            url(false, "2001:db8::1", 80, "/?a=b"));
  EXPECT_EQ(*parse_http_url("http://h?x=1"), url(false, "h", 80, "/?x=1"));
  EXPECT_EQ(*parse_host_port("m1", 5050), url(false, "m1", 5050, "/"));
  EXPECT_EQ(*parse_host_port("[::1]:81", 5050), url(false, "::1", 81, "/"));
}

TEST(HttpUrl, WhatIsNoUrlIsRefused) {
  for (const char* text :
       {"", "ftp://h", "http://", "http://:80", "http://h:0", "http://h:65536", "http://h:8x",
        "http://[::1", "http://[::1]x", "http://::1", "http://h/a b", "http://h/\r\nX: y",
        "http://h\n", "http://u:p@h/", "http://h\x80/"}) {
    EXPECT_FALSE(parse_http_url(text).ok()) << text;
  }
  EXPECT_FALSE(parse_http_url("http://h/" + std::string(5000, 'a')).ok());
}

TEST(HttpUrl, PasswordOfARefusedUrlIsNotInTheMessage) {
  EXPECT_EQ(parse_http_url("http://u:hunter2@h/").error().find("hunter2"), std::string::npos);
}

TEST(HttpUrl, LocationWithoutASchemeKeepsThatOfTheAnswer) {
  const HttpUrl base = url(true, "m1", 5050, "/api/v1");
  EXPECT_EQ(*resolve_location(base, "//m2:5051/api/v1"), url(true, "m2", 5051, "/api/v1"));
  EXPECT_EQ(*resolve_location(base, "http://m2:5051/x"), url(false, "m2", 5051, "/x"));
  EXPECT_EQ(*resolve_location(base, "/master/state"), url(true, "m1", 5050, "/master/state"));
  EXPECT_FALSE(resolve_location(base, "").ok());
  EXPECT_FALSE(resolve_location(base, "m2:5050").ok());
  EXPECT_FALSE(resolve_location(base, "/a\nb").ok());
}

TEST(HttpUrl, TextHasBracketsAroundIpv6Only) {
  EXPECT_EQ(to_string(url(false, "::1", 5050, "/a")), "http://[::1]:5050/a");
  EXPECT_EQ(authority(url(true, "m1", 5050, "/a")), "m1:5050");
}

}  // namespace
}  // namespace vipgate::http_url_test
