// See digest.hpp; the only user of OpenSSL in setup.
#include "core/setup/formats/digest.hpp"

#include <array>
#include <fcntl.h>
#include <memory>
#include <vector>

#include <openssl/evp.h>

#include "core/base/io/fd.hpp"

namespace fcvm::setup {
namespace {

class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  [[nodiscard]] std::string text() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    constexpr char kHex[] = "0123456789abcdef";
    std::string hex;
    for (unsigned i = 0; i < size; ++i) {
      hex += kHex[digest[i] >> 4];
      hex += kHex[digest[i] & 15];
    }
    return hex;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string sha256(std::string_view bytes) {
  Hash hash;
  hash.add(bytes);
  return hash.text();
}

Result<std::string> sha256_of_file(const std::string& path) {
  const Fd file = FCVM_TRY(base::open_file(path, O_RDONLY));
  std::vector<char> buffer(1 << 20);
  Hash hash;
  for (;;) {
    const std::size_t count =
        FCVM_TRY(base::read_some(file.get(), buffer) | context("reading " + path));
    if (count == 0) return hash.text();
    hash.add({buffer.data(), count});
  }
}

Key& Key::add(std::string_view name, std::string_view value) {
  for (const auto part : {name, value}) {
    inputs_ += std::to_string(part.size()) + ':';
    inputs_ += part;
  }
  return *this;
}

std::string Key::text() const { return sha256(inputs_).substr(0, 16); }

}  // namespace fcvm::setup
