// A certificate that a test makes for itself, and TLS on the server's side with it.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

namespace spiderling::testing {

/// Signed by itself, for these names ("DNS:localhost,IP:127.0.0.1").
class TestCertificate {
 public:
  explicit TestCertificate(const std::string& names, long valid_from_seconds = -60,
                           long valid_to_seconds = 3600)
      : key_(EVP_EC_gen("P-256")), certificate_(X509_new()), context_(SSL_CTX_new(TLS_server_method())) {
    X509* const certificate = certificate_.get();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), valid_from_seconds);
    X509_gmtime_adj(X509_getm_notAfter(certificate), valid_to_seconds);
    X509_set_pubkey(certificate, key_.get());
    X509_NAME* const name = X509_get_subject_name(certificate);
    const unsigned char common_name[] = "spiderling test";
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* const extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate, key_.get(), EVP_sha256());
    EXPECT_EQ(SSL_CTX_use_certificate(context_.get(), certificate), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(context_.get(), key_.get()), 1);
    write_file();
  }
  ~TestCertificate() { unlink(path_.c_str()); }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  /// PEM: for --ca-file.
  const std::string& path() const { return path_; }
  SSL_CTX* server() const { return context_.get(); }

 private:
  void write_file() {
    path_ = ::testing::TempDir() + "/test_certificate.XXXXXX";
    const int fd = mkstemp(path_.data());
    std::FILE* const file = fdopen(fd, "w");
    PEM_write_X509(file, certificate_.get());
    std::fclose(file);
  }

  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> certificate_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::string path_;
};

}  // namespace spiderling::testing
