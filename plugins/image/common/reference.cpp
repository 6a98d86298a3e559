// See reference.hpp.
#include "plugins/image/common/reference.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "plugins/image/common/short_names.hpp"

namespace fcvm::archive {

namespace {

constexpr const char* kExamples =
    "write it as alpine:3.19, docker://HOST/NAME:TAG, docker-archive:FILE or oci:DIRECTORY:TAG";

struct Prefix {
  std::string_view text;
  Transport transport;
};
constexpr std::array<Prefix, 6> kPrefixes = {{
    {"docker://", Transport::kDocker},
    {"oci:", Transport::kOci},
    {"oci-archive:", Transport::kOciArchive},
    {"docker-archive:", Transport::kDockerArchive},
    {"dir:", Transport::kDir},
    {"containers-storage:", Transport::kContainersStorage},
}};

/// Those of skopeo that fcvm does not take.
constexpr std::array<std::string_view, 4> kOtherTransports = {
    "docker-daemon:", "ostree:", "sif:", "tarball:"};

Unexpected bad(std::string_view text, const std::string& why) {
  return fail(EINVAL, "\"" + std::string(text) + "\" is not an image reference: " + why, kExamples);
}

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool word_character(char c) { return lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

/// One part between slashes: lower-case words joined by ".", "_", "__" or dashes.
bool is_component(std::string_view part) {
  if (part.empty() || !lower_or_digit(part.front()) || !lower_or_digit(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    if (lower_or_digit(part[i])) {
      ++i;
      continue;
    }
    const auto end = part.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789", i);
    const std::string_view joint = part.substr(i, end - i);
    const bool dashes = joint.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && joint != "." && joint != "_" && joint != "__") return false;
    i = end;
  }
  return true;
}

bool is_repository(std::string_view path) {
  if (path.empty() || path.size() > 255) return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (!is_component(path.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

bool is_tag(std::string_view tag) {
  if (tag.empty() || tag.size() > 128 || !word_character(tag.front())) return false;
  return std::ranges::all_of(tag, [](char c) { return word_character(c) || c == '.' || c == '-'; });
}

bool is_host(std::string_view host) {
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return word_character(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  });
}

bool is_short_id(std::string_view text) {
  constexpr std::size_t kShortest = 4;
  return text.size() >= kShortest && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Whether the part before the first slash is a registry, by docker's rule.
bool names_registry(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
         std::ranges::any_of(first, [](char c) { return c >= 'A' && c <= 'Z'; });
}

Result<Reference> parse_registry_name(std::string_view whole, std::string_view rest,
                                      const std::string& registry) {
  Reference made;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    made.digest = rest.substr(at + 1);
    if (!is_digest(made.digest)) return bad(whole, "its digest is not sha256: and 64 hex digits");
    rest = rest.substr(0, at);
  }
  const auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    made.tag = rest.substr(colon + 1);
    if (!is_tag(made.tag)) return bad(whole, "\"" + made.tag + "\" is not a tag");
    rest = rest.substr(0, colon);
  }
  const auto slash = rest.find('/');
  std::string path(rest);
  const std::string bare = path;
  const bool has_registry =
      slash != std::string_view::npos && names_registry(rest.substr(0, slash));
  made.host = registry;
  std::vector<std::string> others;
  if (!has_registry && registry.empty()) {
    const ShortNames names = look_up_short_name(bare);
    made.host = names.registries.empty() ? "docker.io" : names.registries.front();
    if (const auto at = names.alias.find('/'); at != std::string::npos) {
      made.host = names.alias.substr(0, at);
      path = names.alias.substr(at + 1);
    } else if (names.registries.size() > 1) {
      others.assign(names.registries.begin() + 1, names.registries.end());
    }
  }
  if (has_registry) {
    made.host = rest.substr(0, slash);
    path = rest.substr(slash + 1);
  }
  if (made.host == "index.docker.io") made.host = "docker.io";
  if (made.host == "docker.io" && path.find('/') == std::string::npos) path.insert(0, "library/");
  const auto host_end = made.host.find('/');  // of an option such as quay.io/mine
  if (!is_host(made.host.substr(0, host_end))) return bad(whole, "its registry is not a host name");
  if (!is_repository(path)) return bad(whole, "\"" + path + "\" is not a lower-case name");
  made.repository = made.host + "/" + path;
  made.host.resize(std::min(host_end, made.host.size()));
  // skopeo takes one of both, and the digest says more.
  if (!made.digest.empty()) made.tag.clear();
  if (made.digest.empty() && made.tag.empty()) made.tag = "latest";
  const std::string end = made.digest.empty() ? ":" + made.tag : "@" + made.digest;
  made.name = made.repository + end;
  for (const auto& other : others) {
    const bool is_library = other == "docker.io" && bare.find('/') == std::string::npos;
    made.elsewhere.push_back(other + (is_library ? "/library/" : "/") + bare + end);
  }
  if (!has_registry) made.local_names.push_back("localhost/" + bare + end);
  if (!has_registry && whole == bare && is_short_id(bare)) made.id = bare;
  made.local_names.push_back(made.name);
  made.local_names.insert(made.local_names.end(), made.elsewhere.begin(), made.elsewhere.end());
  return made;
}

Result<Reference> parse_local(std::string_view whole, const Prefix& prefix) {
  Reference made;
  made.transport = prefix.transport;
  std::string_view rest = whole.substr(prefix.text.size());
  if (rest.empty()) return bad(whole, "nothing follows " + std::string(prefix.text));
  if (prefix.transport == Transport::kContainersStorage) {
    made.selector = rest;
    made.name = whole;
    const std::string text(rest);
    const auto slash = text.rfind('/');
    const bool tagged = text.find(':', slash == std::string::npos ? 0 : slash) != std::string::npos;
    const std::string name = tagged ? text : text + ":latest";
    made.local_names = {name, "localhost/" + name, "docker.io/library/" + name};
    return made;
  }
  const auto colon = prefix.transport == Transport::kDir ? std::string_view::npos : rest.find(':');
  if (colon != std::string_view::npos) made.selector = rest.substr(colon + 1);
  std::error_code error;
  made.path = std::filesystem::absolute(rest.substr(0, colon), error).lexically_normal();
  if (error) return bad(whole, error.message());
  made.name = std::string(prefix.text) + made.path;
  if (!made.selector.empty()) made.name += ":" + made.selector;
  return made;
}

/// No name in a registry has one; a path may.
bool has_blank(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

bool looks_like_path(std::string_view text) {
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("../") ||
         text.starts_with("~/");
}

}  // namespace

bool is_digest(std::string_view text) {
  if (!text.starts_with("sha256:") || text.size() != 7 + 64) return false;
  return text.find_first_not_of("0123456789abcdef", 7) == std::string_view::npos;
}

std::string Reference::for_skopeo(const std::string& manifest) const {
  if (transport == Transport::kContainersStorage) return "containers-storage:" + selector;
  if (!copy.empty()) {
    return name.substr(0, name.find(':') + 1) + copy + (selector.empty() ? "" : ":" + selector);
  }
  if (!in_registry()) return name;
  return "docker://" + (manifest.empty() ? name : repository + "@" + manifest);
}

Result<Reference> parse_reference(std::string_view text, const std::string& registry) {
  if (text.empty()) return bad(text, "it is empty");
  if (is_digest(text)) {
    Reference made;
    made.name = text;
    made.id = text.substr(text.find(':') + 1);
    return made;
  }
  for (const Prefix& prefix : kPrefixes) {
    if (!text.starts_with(prefix.text)) continue;
    if (prefix.transport != Transport::kDocker) return parse_local(text, prefix);
    if (has_blank(text)) return bad(text, "it contains a blank");
    Reference made =
        FCVM_TRY(parse_registry_name(text, text.substr(prefix.text.size()), "docker.io"));
    made.local_names.clear();
    made.elsewhere.clear();
    return made;
  }
  if (looks_like_path(text)) {
    return fail(EINVAL, "\"" + std::string(text) + "\" is a path, not an image reference",
                "say what is there: docker-archive:PATH, oci-archive:PATH, oci:PATH or dir:PATH");
  }
  for (const std::string_view other : kOtherTransports) {
    if (text.starts_with(other)) return bad(text, "fcvm does not read " + std::string(other));
  }
  if (has_blank(text)) return bad(text, "it contains a blank");
  if (text.find("://") != std::string_view::npos) return bad(text, "fcvm knows only docker://");
  return parse_registry_name(text, text, registry);
}

}  // namespace fcvm::archive
