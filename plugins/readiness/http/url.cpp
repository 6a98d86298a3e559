// See url.hpp.
#include "plugins/readiness/http/url.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace fcvm::readiness {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kPattern = "url=http://localhost:8080/health";

Unexpected refuse(std::string_view url, const std::string& why) {
  return fail(EINVAL, "url: \"" + std::string(url) + "\" " + why, kPattern);
}

/// 0: it is none.
std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  return parsed.ec == std::errc() && parsed.ptr == end ? port : 0;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const auto stands_in_a_line = [](unsigned char byte) { return byte > ' ' && byte < 0x7f; };
  if (!std::all_of(text.begin(), text.end(), stands_in_a_line)) {
    return refuse(text, "has a blank, a control character or one beyond ASCII in it");
  }
  if (text.substr(0, 8) == "https://") {
    return fail(EINVAL, "url: this gate speaks no TLS",
                "mode=exec,command=curl --fail --insecure " + std::string(text));
  }
  if (text.substr(0, kScheme.size()) != kScheme) return refuse(text, "does not begin with http://");
  std::string_view rest = text.substr(kScheme.size());
  rest = rest.substr(0, rest.find('#'));
  const auto end = rest.find_first_of("/?");
  Url url;
  url.authority = rest.substr(0, end);
  if (end != std::string_view::npos) url.target = rest.substr(end);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  if (url.authority.find('@') != std::string::npos) {
    return refuse(text, "has a user in it; header=Authorization: ... says who asks");
  }
  const auto bracket = url.authority.rfind(']');  // of an IPv6 address
  const auto colon = url.authority.find(':', bracket == std::string::npos ? 0 : bracket);
  if (url.authority.empty() || colon == 0) return refuse(text, "names no host");
  if (colon == std::string::npos) return url;
  url.port = parse_port(std::string_view(url.authority).substr(colon + 1));
  if (url.port == 0) return refuse(text, "has no port from 1 to 65535");
  return url;
}

}  // namespace fcvm::readiness
