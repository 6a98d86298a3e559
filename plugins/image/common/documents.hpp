// The JSON documents of the plugin: manifests of images, and the index of its cache. Everything
// that knows the JSON library is in documents.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::archive {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;  // or empty

  /// "linux/arm64/v8"; an empty text is the host's.
  static Result<Platform> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
};

/// The digest of the platform's manifest when `manifest` is a list of them; empty when it is an
/// image's own manifest.
Result<std::string> choose_manifest(std::string_view manifest, const Platform& platform);

/// One image of a docker-archive: names of members.
struct ArchivedImage {
  std::string config;
  std::vector<std::string> layers;
  std::vector<std::string> names;  // "localhost/app:1"
};
Result<std::vector<ArchivedImage>> parse_archive_manifest(std::string_view manifest);
std::string archive_manifest(const ArchivedImage& image);

/// An image in containers/storage's images.json.
struct StoredImage {
  std::string id;
  std::string digest;  // of its manifest
  std::vector<std::string> names;
};
Result<std::vector<StoredImage>> parse_stored_images(std::string_view list);

/// The digests of the layers, unpacked, that an image's configuration names. EBADMSG unless it is
/// one.
Result<std::vector<std::string>> parse_config(std::string_view config);

/// What the cache knows. Without it images have no names, and files are read again.
struct Index {
  struct Named {
    std::string digest;
    std::int64_t used = 0;  // seconds since 1970

    friend bool operator==(const Named&, const Named&) = default;
  };
  /// A local file by its content, and how it looked when that was read.
  struct File {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;  // which nobody can set back
    std::string digest;

    [[nodiscard]] bool same_file(const File& other) const {
      return device == other.device && inode == other.inode && size == other.size &&
             modified_ns == other.modified_ns && changed_ns == other.changed_ns;
    }
  };
  std::map<std::string, Named> references;                // by "name platform"
  std::map<std::string, File> files;                      // by path
  std::map<std::string, std::uint64_t> archives;          // length before padding, by digest
  std::map<std::string, std::string> ids;                 // digests of configurations, by digest
  std::map<std::string, std::string> guests;              // whose programs made a store, by id
  std::map<std::string, std::vector<std::string>> names;  // what a file calls its image, by digest

  [[nodiscard]] std::string to_json() const;
  static Result<Index> from_json(std::string_view text);
};

}  // namespace fcvm::archive
