// See skopeo_error.hpp. skopeo has one exit code for everything, so its words have to do.
#include "plugins/image/common/skopeo_error.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>

#include "core/base/printable.hpp"

namespace fcvm::archive {

namespace {

enum class Cause {
  kUnknown,
  kNoSpace,
  kRateLimit,
  kNoPlatform,
  kPlainHttp,
  kCertificate,
  kNoNetwork,
  kPolicy,
  kNoSuchImage,
  kDenied,
  kCorrupt,
};

struct Words {
  Cause cause;
  std::initializer_list<std::string_view> any_of;
};

/// A number, such as 404, stands alone: digests have many.
bool has_word(const std::string& text, std::string_view word) {
  const bool is_number = word.find_first_not_of("0123456789") == std::string_view::npos;
  const auto is_part = [&](std::size_t at) {
    return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0;
  };
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const bool is_inside = (at > 0 && is_part(at - 1)) || is_part(at + word.size());
    if (!is_number || !is_inside) return true;
  }
  return false;
}

/// The first that matches; in lower case.
Cause cause_of(const std::string& text) {
  static const std::array<Words, 10> kKnown = {{
      {Cause::kNoSpace, {"no space left on device", "disk quota exceeded"}},
      {Cause::kRateLimit, {"toomanyrequests", "rate limit", "too many requests"}},
      {Cause::kNoPlatform, {"no image found in manifest list", "no image found in image index"}},
      {Cause::kPlainHttp, {"server gave http response to https client"}},
      {Cause::kCertificate, {"x509:", "certificate"}},
      {Cause::kNoNetwork,
       {"no such host", "connection refused", "i/o timeout", "network is unreachable",
        "no route to host", "handshake timeout", "server misbehaving", "connection reset",
        "temporary failure in name resolution", "context deadline exceeded"}},
      {Cause::kPolicy, {"policy"}},
      {Cause::kNoSuchImage,
       {"manifest unknown", "name unknown", "not known to registry", "no descriptor found",
        "does not resolve to an image", "not found", "no such file or directory",
        "identifier is not an image", "404"}},
      {Cause::kDenied, {"unauthorized", "authentication required", "denied", "forbidden", "401"}},
      {Cause::kCorrupt,
       {"invalid tar header", "unexpected eof", "gzip:", "checksum", "does not match", "digest",
        "invalid character", "invalid json", "flate:", "loading tar component", "corrupt"}},
  }};
  for (const Words& words : kKnown) {
    for (const auto word : words.any_of) {
      if (has_word(text, word)) return words.cause;
    }
  }
  return Cause::kUnknown;
}

std::string_view last_line(std::string_view log) {
  while (log.ends_with('\n') || log.ends_with(' ')) log.remove_suffix(1);
  const auto newline = log.rfind('\n');
  return newline == std::string_view::npos ? log : log.substr(newline + 1);
}

/// The text of msg="..." in a line of its log; the line itself when it is none.
std::string message_of(std::string_view line) {
  const auto begin = line.find("msg=\"");
  if (begin == std::string_view::npos) {
    const bool on_terminal = line.starts_with("FATA[") && line.find("] ") != line.npos;
    return std::string(on_terminal ? line.substr(line.find("] ") + 2) : line);
  }
  std::string text;
  for (std::size_t i = begin + 5; i < line.size() && line[i] != '"'; ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    text += line[i];
  }
  return text;
}

void erase_to(std::string& text, std::string_view from, std::string_view to) {
  if (!text.starts_with(from)) return;
  const auto end = text.find(to, from.size());
  if (end != std::string::npos) text.erase(0, end + to.size());
}

/// Without what repeats the reference, and on one line of printable characters.
std::string cleaned(std::string text) {
  erase_to(text, "Error parsing image name \"", "\": ");
  erase_to(text, "initializing source ", ": ");
  erase_to(text, "//", ": ");  // the rest of initializing source docker://...
  erase_to(text, "Error initializing source ", ": ");
  std::ranges::replace(text, '\n', ' ');
  text = base::printable(text);
  constexpr std::size_t kLongest = 400;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

std::string not_found_remedy(const Reference& reference) {
  if (!reference.in_registry()) return "check the path and the name";
  if (reference.host == "localhost") {
    return "an image of podman's own storage is written containers-storage:" + reference.name;
  }
  return "check the name; its tags: skopeo list-tags docker://" + reference.repository;
}

/// errno, and what to say before skopeo's own words, and what to do.
struct Advice {
  int code;
  std::string what;
  std::string remedy;
};

Advice advise(Cause cause, const Reference& reference, const std::string& plugin) {
  const std::string login = "fcvm login " + reference.host;
  switch (cause) {
    case Cause::kNoSpace:
      return {ENOSPC, "the disk is full", "free some space: fcvm image prune --all"};
    case Cause::kRateLimit:
      return {EBUSY, "the registry limits how often it may be asked", "wait, or log in: " + login};
    case Cause::kNoPlatform:
      return {ENOENT, "there is no image for this platform",
              "take an image that is built for this machine's architecture"};
    case Cause::kPlainHttp:
      return {EPROTO, "the registry speaks plain HTTP",
              "if you trust it: --set " + plugin + ".insecure-registries=" + reference.host +
                  ", or for good: [plugin.\"" + plugin + "\"] insecure-registries = [\"" +
                  reference.host + "\"]"};
    case Cause::kCertificate:
      return {EPROTO, "the registry's certificate is not trusted",
              "put its CA into /etc/containers/certs.d/" + reference.host + "/ca.crt"};
    case Cause::kNoNetwork:
      return {ENETUNREACH, "the registry cannot be reached",
              "check the network and the registry's name, or use a cached image: --pull never"};
    case Cause::kPolicy:
      return {EPERM, "the policy for images does not allow it",
              "see /etc/containers/policy.json (apt install golang-github-containers-common)"};
    case Cause::kNoSuchImage:
      return {ENOENT, "there is no such image", not_found_remedy(reference)};
    case Cause::kDenied:
      return {EACCES, "the registry wants a login, or has no such image",
              "check the name, or log in: " + login};
    case Cause::kCorrupt:
      if (reference.in_registry()) {
        return {EBADMSG, "what the registry sent is cut off or damaged",
                "try again; if it persists, the registry's copy is damaged"};
      }
      return {EBADMSG, "the image is damaged", "make it anew, for example with podman save"};
    case Cause::kUnknown:
      break;
  }
  return {EIO, "", "run skopeo inspect " + reference.for_skopeo() + " to see more"};
}

}  // namespace

Error explain(std::string_view log, const std::string& ended, const Reference& reference,
              const std::string& plugin) {
  const std::string words = cleaned(message_of(last_line(log)));
  std::string lower = words;
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const Advice advice = advise(cause_of(lower), reference, plugin);
  std::string message = reference.name + ": " + advice.what;
  if (!advice.what.empty() && !words.empty()) message += ": ";
  message += words;
  if (words.empty()) message += ended;
  return Error(advice.code, std::move(message), advice.remedy);
}

}  // namespace fcvm::archive
