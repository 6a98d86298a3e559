#include "core/digest/sha256.hpp"

#include <array>
#include <cerrno>
#include <new>
#include <unistd.h>
#include <vector>

#include <openssl/evp.h>

namespace fcvm::digest {
namespace {

constexpr std::size_t kPiece = 1 << 20;

void check(int done) {
  if (done != 1) throw std::bad_alloc();
}

}  // namespace

struct Sha256::Context {
  EVP_MD_CTX* made = EVP_MD_CTX_new();
};

void Sha256::Free::operator()(Context* context) const {
  EVP_MD_CTX_free(context->made);
  delete context;
}

Sha256::Sha256() : context_(new Context) {
  if (context_->made == nullptr) throw std::bad_alloc();
  check(EVP_DigestInit_ex(context_->made, EVP_sha256(), nullptr));
}

Sha256& Sha256::add(std::string_view bytes) {
  check(EVP_DigestUpdate(context_->made, bytes.data(), bytes.size()));
  return *this;
}

std::string Sha256::text() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(context_->made, raw.data(), &size));
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += "0123456789abcdef"[raw[i] >> 4];
    text += "0123456789abcdef"[raw[i] & 15];
  }
  return text;
}

std::string sha256(std::string_view bytes) { return Sha256().add(bytes).text(); }

Result<std::string> sha256_of_file(int fd, const std::function<Result<void>()>& between) {
  Sha256 hash;
  std::vector<char> buffer(kPiece);
  for (off_t offset = 0;;) {
    if (between) FCVM_TRY(between());
    const ssize_t count = ::pread(fd, buffer.data(), buffer.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("reading the file");
    if (count == 0) return hash.text();
    hash.add({buffer.data(), static_cast<std::size_t>(count)});
    offset += count;
  }
}

}  // namespace fcvm::digest
