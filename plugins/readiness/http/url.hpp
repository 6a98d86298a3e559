// The URL of readiness.http. Its host is what the request names; it is the guest that is asked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::readiness {

struct Url {
  std::string authority;  // "example.org:8080", for the request's Host
  std::uint16_t port = 80;
  std::string target;  // "/health?full=1"
};

[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace fcvm::readiness
