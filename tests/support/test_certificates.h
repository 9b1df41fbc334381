// Keys and certificates made on the spot, in files of a directory that goes with them.
#pragma once

#include <string>

namespace vipgate::test {

class TestCertificates {
 public:
  // An authority, certificates by it for a server and for a client, and an authority that has
  // signed nothing. The server's is for the name "master.test" and for 127.0.0.1.
  TestCertificates();
  ~TestCertificates();
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  std::string ca() const { return directory_ + "/ca.pem"; }
  std::string other_ca() const { return directory_ + "/other.pem"; }
  std::string server_cert() const { return directory_ + "/server.pem"; }
  std::string server_key() const { return directory_ + "/server.key"; }
  std::string client_cert() const { return directory_ + "/client.pem"; }
  std::string client_key() const { return directory_ + "/client.key"; }

 private:
  std::string directory_;
};

}  // namespace vipgate::test
