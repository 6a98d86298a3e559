// See file_signature.hpp.
#include "core/api/envd/file_signature.hpp"

#include <charconv>
#include <optional>

#include "core/api/auth/tokens.hpp"
#include "core/api/connect/envelope.hpp"
#include "core/digest/sha256.hpp"

namespace fcvm::api::envd {
namespace {

std::string bytes_of(const std::string& hexadecimal) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hexadecimal.size(); at += 2) {
    unsigned value = 0;
    std::from_chars(hexadecimal.data() + at, hexadecimal.data() + at + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::optional<std::int64_t> seconds_of(const std::string& text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return seconds;
}

}  // namespace

std::string signature_of(const SignedFile& file, const std::string& access_token) {
  const char* operation = file.access == FileAccess::kRead ? "read" : "write";
  std::string text = file.path + ":" + operation + ":" + file.user + ":" + access_token;
  if (!file.expiration.empty()) text += ":" + file.expiration;
  std::string digest = connect::base64(bytes_of(digest::sha256(text)));
  digest.resize(digest.find_last_not_of('=') + 1);
  return "v1_" + digest;
}

Result<void> check_signature(const http::Request& request, FileAccess access,
                             const std::string& access_token, std::int64_t now_s) {
  const std::string given = request.parameter("signature");
  if (given.empty()) {
    return fail(EKEYREJECTED, "the request has neither a token nor a signature");
  }
  const SignedFile file{.path = request.parameter("path"),
                        .access = access,
                        .user = request.parameter("username"),
                        .expiration = request.parameter("signature_expiration")};
  if (access_token.empty() || !equal_secrets(given, signature_of(file, access_token))) {
    return fail(EKEYREJECTED, "the signature is not that of this path, user and access");
  }
  if (file.expiration.empty()) return {};
  const auto expiration = seconds_of(file.expiration);
  if (!expiration || *expiration < now_s) {
    return fail(EKEYREJECTED, "the signature has expired");
  }
  return {};
}

}  // namespace fcvm::api::envd
