// SHA-256, by libcrypto. Owns nothing.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

namespace fcvm::archive {

/// "sha256:..." of bytes.
Result<std::string> digest_of(std::string_view bytes);

/// "sha256:..." of a file, from its start; stops when `call` is cancelled.
Result<std::string> digest_of_file(int fd, const Call& call);

}  // namespace fcvm::archive
