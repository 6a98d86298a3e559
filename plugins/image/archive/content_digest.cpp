// See content_digest.hpp.
#include "plugins/image/archive/content_digest.hpp"

#include <array>
#include <memory>
#include <vector>

#include <openssl/evp.h>

namespace fcvm::archive {

namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    good_ = context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
  }
  void add(std::string_view bytes) {
    good_ = good_ && EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
  }
  Result<std::string> finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
    unsigned size = 0;
    if (!good_ || EVP_DigestFinal_ex(context_.get(), raw.data(), &size) != 1) {
      return fail(EIO, "libcrypto cannot compute a SHA-256 digest");
    }
    std::string text = "sha256:";
    for (unsigned i = 0; i < size; ++i) {
      text += "0123456789abcdef"[raw[i] >> 4];
      text += "0123456789abcdef"[raw[i] & 15];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
  bool good_ = false;
};

}  // namespace

Result<std::string> digest_of(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

Result<std::string> digest_of_file(int fd, const Call& call) {
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  for (off_t offset = 0;;) {
    FCVM_TRY(call.check());
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("reading the file");
    if (count == 0) return hash.finish();
    hash.add({buffer.data(), static_cast<std::size_t>(count)});
    offset += count;
  }
}

}  // namespace fcvm::archive
