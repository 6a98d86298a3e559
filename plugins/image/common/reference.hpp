// Reference: what a user's words for an image mean, as podman understands them. Owns nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::archive {

enum class Transport { kDocker, kOci, kOciArchive, kDockerArchive, kDir, kContainersStorage };

struct Reference {
  Transport transport = Transport::kDocker;
  /// Normalised: "docker.io/library/alpine:latest", "oci:/home/me/layout:tag".
  std::string name;

  // Of a registry's image:
  std::string host;        // "docker.io", "127.0.0.1:5000"
  std::string repository;  // with its host: "docker.io/library/alpine"
  std::string tag;         // empty beside a digest
  std::string digest;      // "sha256:..." when the user pinned one

  /// What it may be called on this host, by podman or by fcvm: the first that there is counts. None
  /// where the user names a registry by docker://.
  std::vector<std::string> local_names;
  /// Where else a registry may have it, by registries.conf: names to ask for when `name` is not to
  /// be had.
  std::vector<std::string> elsewhere;
  /// The beginning of an image's id that it may be: hexadecimal digits, or empty.
  std::string id;

  // Of a local one:
  std::string path;      // absolute
  std::string selector;  // which image of several: a tag, a name, "@0"
  std::string copy;      // of its file: what skopeo reads

  [[nodiscard]] bool in_registry() const { return transport == Transport::kDocker; }
  /// Nothing but an id, which no registry knows.
  [[nodiscard]] bool is_id() const { return in_registry() && repository.empty(); }
  /// One file that holds everything, so that its content is its identity.
  [[nodiscard]] bool is_file() const {
    return transport == Transport::kOciArchive || transport == Transport::kDockerArchive;
  }
  /// Whose files lie each by itself, for somebody to change.
  [[nodiscard]] bool is_directory() const { return !is_file() && !path.empty(); }
  /// How skopeo is told of it; a registry's image by `manifest`, where one is given, since a tag
  /// may move between two commands.
  [[nodiscard]] std::string for_skopeo(const std::string& manifest = {}) const;
};

/// `registry` is where a short name comes from: "alpine" is docker.io/library/alpine:latest. An
/// empty one leaves that to registries.conf.
Result<Reference> parse_reference(std::string_view text, const std::string& registry);

/// "sha256:" and 64 hexadecimal digits.
[[nodiscard]] bool is_digest(std::string_view text);

}  // namespace fcvm::archive
