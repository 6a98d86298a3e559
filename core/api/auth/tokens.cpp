// See tokens.hpp.
#include "core/api/auth/tokens.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>
#include <sys/random.h>
#include <sys/stat.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"

namespace fcvm::api {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";
constexpr std::string_view kLimitPrefix = "max_sandboxes=";
constexpr std::size_t kLargestFile = 1 << 20;

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_name(std::string_view text) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

Result<std::uint32_t> parse_limit(std::string_view text) {
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end && value > 0) return value;
  return fail(EINVAL, fmt::format("max_sandboxes={} is no number above zero", text));
}

}  // namespace

Result<Tokens> Tokens::parse(std::string_view text) {
  Tokens tokens;
  std::set<std::string> names;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string digest, word;
    if (!(words >> digest)) continue;
    const auto where = fmt::format("line {}", number);
    Known known;
    words >> known.owner.name;
    if (!digest.starts_with(kDigestPrefix) || !is_digest(digest.substr(kDigestPrefix.size()))) {
      return fail(EINVAL, where + ": it does not begin with sha256: and 64 hexadecimal digits",
                  "printf %s TOKEN | sha256sum makes a token's digest");
    }
    known.digest = digest.substr(kDigestPrefix.size());
    if (known.digest == digest::sha256("")) {
      return fail(EINVAL, where + ": it is the digest of nothing",
                  "set TOKEN before printf %s \"$TOKEN\" | sha256sum");
    }
    if (!is_name(known.owner.name)) {
      return fail(EINVAL, where + ": a name of letters and digits follows the digest");
    }
    if (!names.insert(known.owner.name).second) {
      return fail(EINVAL, fmt::format("{}: {} has a token already", where, known.owner.name));
    }
    while (words >> word) {
      if (!word.starts_with(kLimitPrefix)) {
        return fail(EINVAL, fmt::format("{}: there is no limit \"{}\"", where, word),
                    "max_sandboxes=N is the one that there is");
      }
      known.owner.max_sandboxes = FCVM_TRY(
          parse_limit(std::string_view(word).substr(kLimitPrefix.size())) | context(where));
    }
    tokens.known_.push_back(std::move(known));
  }
  if (tokens.known_.empty()) return fail(EINVAL, "it has no token");
  return tokens;
}

Result<Tokens> Tokens::load(const std::string& path) {
  const auto doing = "reading the tokens in " + path;
  const Fd file = FCVM_TRY(base::open_regular_file(path) | context(doing));
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return fail_errno(doing);
  if ((found.st_mode & 077) != 0) {
    return fail(EPERM, doing + ": others than its owner have access to it", "chmod 600 " + path);
  }
  return parse(FCVM_TRY(base::read_all(file.get(), kLargestFile) | context(doing))) |
         context(doing);
}

Tokens Tokens::nobody_asks() {
  Tokens tokens;
  tokens.nobody_asks_ = true;
  return tokens;
}

std::optional<Owner> Tokens::find(std::string_view token) const {
  if (nobody_asks_) return Owner{.name = "local"};
  if (token.empty()) return std::nullopt;
  const auto digest = digest::sha256(token);
  const Known* found = nullptr;
  for (const Known& known : known_) {
    if (equal_secrets(known.digest, digest)) found = &known;
  }
  if (found == nullptr) return std::nullopt;
  return found->owner;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

Result<std::string> random_secret(std::size_t bytes) {
  std::string random(bytes, '\0');
  if (::getrandom(random.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
    return fail_errno("asking the kernel for random bytes");
  }
  std::string text;
  for (const char c : random) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

}  // namespace fcvm::api
