// See archive_contents.hpp. The library throws; nothing it throws leaves this file.
#include "core/cli/archive_contents.hpp"

#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/base/io/file.hpp"
#include "core/tar/reader.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestDocument = 1 << 20;
constexpr std::size_t kMostImages = 1000;
constexpr std::size_t kMostNames = 64;  // of one image

/// "busybox" is "docker.io/library/busybox:latest", by docker's rule; a bare tag is no name.
std::string completed(std::string name) {
  const auto slash = name.find('/');
  const std::string first = name.substr(0, slash);
  const bool has_registry =
      slash != std::string::npos &&
      (first == "localhost" || first.find_first_of(".:") != std::string::npos);
  if (!has_registry) {
    name.insert(0, slash == std::string::npos ? "docker.io/library/" : "docker.io/");
  }
  if (name.find(':', name.rfind('/')) == std::string::npos) name += ":latest";
  return name;
}

/// The documents of an archive that say what is in it; none where it is no plain archive.
using Documents = std::map<std::string, std::string>;

Result<std::string> content_of(tar::Reader& reader) {
  std::string text;
  for (;;) {
    const auto piece = FCVM_TRY(reader.read());
    if (piece.bytes.empty()) return text;
    if (text.size() + piece.bytes.size() > kLargestDocument) {
      return fail(EFBIG, "a document in the archive is too large");
    }
    text += piece.bytes;
  }
}

Documents documents_of(const Fd& file) {
  const auto source = [&](std::span<char> into) { return base::read_some(file.get(), into); };
  const auto skip = [&](std::uint64_t count) -> Result<void> {
    if (::lseek(file.get(), static_cast<off_t>(count), SEEK_CUR) >= 0) return {};
    return fail_errno("reading the archive");
  };
  tar::Reader reader(source, {.skip = skip, .needs_end_mark = false});
  Documents found;
  for (;;) {
    const auto entry = reader.next();
    if (!entry || !*entry) return found;
    const std::string& name = (*entry)->name;
    if (name != "manifest.json" && name != "index.json") continue;
    auto text = content_of(reader);
    if (text) found[name] = *std::move(text);
  }
}

std::vector<ArchivedImage> in_docker_manifest(const std::string& path, const Json& manifest) {
  std::vector<ArchivedImage> images;
  for (const Json& one : manifest) {
    ArchivedImage image{fmt::format("docker-archive:{}:@{}", path, images.size()), {}};
    if (const auto tags = one.find("RepoTags"); tags != one.end() && tags->is_array()) {
      for (const Json& tag : *tags) {
        if (image.names.size() == kMostNames) break;
        image.names.push_back(completed(tag.get<std::string>()));
      }
    }
    images.push_back(std::move(image));
    if (images.size() == kMostImages) break;
  }
  if (images.size() == 1) images.front().reference = "docker-archive:" + path;
  return images;
}

std::vector<ArchivedImage> in_oci_index(const std::string& where, const Json& index) {
  constexpr const char* kName = "org.opencontainers.image.ref.name";
  std::vector<ArchivedImage> images;
  for (const Json& one : index.at("manifests")) {
    const std::string name = one.value("annotations", Json::object()).value(kName, "");
    ArchivedImage image{name.empty() ? where : where + ":" + name, {}};
    if (name.find_first_of("/:") != std::string::npos) image.names.push_back(completed(name));
    images.push_back(std::move(image));
    if (images.size() == kMostImages) break;
  }
  if (images.size() == 1) images.front().reference = where;
  return images;
}

Result<std::vector<ArchivedImage>> parsed(const std::string& path, const Documents& documents,
                                          const std::string& oci_transport) {
  try {
    if (const auto found = documents.find("manifest.json"); found != documents.end()) {
      return in_docker_manifest(path, Json::parse(found->second));
    }
    if (const auto found = documents.find("index.json"); found != documents.end()) {
      return in_oci_index(oci_transport + path, Json::parse(found->second));
    }
  } catch (const Json::exception& thrown) {
    return fail(EBADMSG, path + ": what it says of its images is damaged: " + thrown.what());
  }
  return std::vector<ArchivedImage>{{"docker-archive:" + path, {}}};
}

}  // namespace

Result<std::vector<ArchivedImage>> images_in(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    auto index = base::read_file(path + "/index.json", kLargestDocument);
    if (!index) {
      return fail(ENOENT, path + ": a directory without an OCI layout", "fcvm load -i FILE");
    }
    return parsed(path, {{"index.json", *std::move(index)}}, "oci:");
  }
  const Fd file = FCVM_TRY(base::open_regular_file(path));
  return parsed(path, documents_of(file), "oci-archive:");
}

}  // namespace fcvm::cli
