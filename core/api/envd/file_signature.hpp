// Signatures of URLs: who has one may read, or write, the one file that it names, with no token.
#pragma once

#include <cstdint>
#include <string>

#include <fcvm/result.hpp>

#include "core/api/http/message.hpp"

namespace fcvm::api::envd {

enum class FileAccess { kRead, kWrite };

struct SignedFile {
  std::string path{};  // as in the URL; empty when it has none
  FileAccess access = FileAccess::kRead;
  std::string user{};        // likewise
  std::string expiration{};  // seconds since 1970, as in the URL; empty: never
};

/// As E2B's clients compute it.
[[nodiscard]] std::string signature_of(const SignedFile& file, const std::string& access_token);

/// EKEYREJECTED unless the URL has a signature that is right, and has not expired at `now_s`.
Result<void> check_signature(const http::Request& request, FileAccess access,
                             const std::string& access_token, std::int64_t now_s);

}  // namespace fcvm::api::envd
