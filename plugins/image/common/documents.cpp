// See documents.hpp. The library throws; nothing it throws leaves this file.
#include "plugins/image/common/documents.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "core/base/json_number.hpp"

namespace fcvm::archive {

namespace {

using base::json_number;

using Json = nlohmann::json;

constexpr int kIndexVersion = 1;

#if defined(__aarch64__)
constexpr const char* kHostArchitecture = "arm64";
#else
constexpr const char* kHostArchitecture = "amd64";
#endif

/// Runs `body`, which may throw what the library throws.
template <typename T, typename Body>
Result<T> reading(const std::string& what, const Body& body) {
  try {
    return body();
  } catch (const std::exception& thrown) {
    return fail(EBADMSG, what + " is damaged: " + thrown.what());
  }
}

/// Of an image's documents: real ones have some tens of kilobytes and are a few levels deep. The
/// library takes a hundred bytes of memory for each bracket.
constexpr std::size_t kLargestDocument = 1 << 20;
constexpr int kDeepest = 32;

bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      if (++depth > kDeepest) return true;
    } else if (!in_string && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return false;
}

Result<Json> parse(const std::string& what, std::string_view text) {
  if (text.size() > kLargestDocument) return fail(EBADMSG, what + " is larger than 1 MiB");
  if (is_too_deep(text)) return fail(EBADMSG, what + " is nested too deeply");
  return Json::parse(text);
}

Platform platform_of(const Json& manifest) {
  const Json platform = manifest.value("platform", Json::object());
  return {platform.value("os", ""), platform.value("architecture", ""),
          platform.value("variant", "")};
}

/// Higher is better; 0 does not fit.
int fitness(const Platform& wanted, const Platform& offered) {
  if (offered.os != wanted.os || offered.architecture != wanted.architecture) return 0;
  if (!wanted.variant.empty()) return offered.variant == wanted.variant ? 3 : 0;
  if (offered.variant.empty()) return 3;
  return offered.variant == "v8" || offered.variant == "v7" ? 2 : 1;
}

Result<std::string> choose(const Json& list, const Platform& wanted) {
  int best = 0;
  std::string digest;
  std::set<std::string> offered;
  for (const Json& manifest : list.at("manifests")) {
    const Platform platform = platform_of(manifest);
    if (platform.os != "unknown") offered.insert(platform.text());
    const int fits = fitness(wanted, platform);
    if (fits <= best) continue;
    best = fits;
    digest = manifest.at("digest").get<std::string>();
  }
  if (best > 0) return digest;
  std::string all;
  for (const auto& one : offered) all += (all.empty() ? "" : ", ") + one;
  return fail(ENOENT, "there is no image for " + wanted.text() + " (there are: " + all + ")",
              "choose another with --platform");
}

Json to_json(const Index::Named& named) { return {{"digest", named.digest}, {"used", named.used}}; }

Json to_json(const Index::File& file) {
  return {
      {"device", file.device},           {"inode", file.inode},           {"size", file.size},
      {"modified_ns", file.modified_ns}, {"changed_ns", file.changed_ns}, {"digest", file.digest}};
}

Index::Named named_from(const Json& json) {
  return {json.at("digest").get<std::string>(), json_number<std::int64_t>(json.at("used"))};
}

Index::File file_from(const Json& json) {
  return {json_number<std::uint64_t>(json.at("device")),
          json_number<std::uint64_t>(json.at("inode")),
          json_number<std::uint64_t>(json.at("size")),
          json_number<std::int64_t>(json.at("modified_ns")),
          json_number<std::int64_t>(json.value("changed_ns", Json(0))),
          json.at("digest").get<std::string>()};
}

}  // namespace

Result<Platform> Platform::parse(std::string_view text) {
  if (text.empty()) return Platform{"linux", kHostArchitecture, ""};
  const auto first = text.find('/');
  if (first == std::string_view::npos || first == 0 || first + 1 == text.size()) {
    return fail(EINVAL, "\"" + std::string(text) + "\" is not a platform",
                "write it as linux/amd64 or linux/arm64/v8");
  }
  const auto second = std::min(text.find('/', first + 1), text.size());
  return Platform{std::string(text.substr(0, first)),
                  std::string(text.substr(first + 1, second - first - 1)),
                  std::string(text.substr(std::min(second + 1, text.size())))};
}

std::string Platform::text() const {
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

Result<std::string> choose_manifest(std::string_view manifest, const Platform& platform) {
  const std::string what = "the image's manifest";
  return reading<std::string>(what, [&]() -> Result<std::string> {
    const Json json = FCVM_TRY(parse(what, manifest));
    if (!json.is_object()) return fail(EBADMSG, "the image's manifest is not a JSON object");
    return json.contains("manifests") ? choose(json, platform) : std::string();
  });
}

Result<std::vector<ArchivedImage>> parse_archive_manifest(std::string_view manifest) {
  using Images = std::vector<ArchivedImage>;
  const std::string what = "the archive's manifest.json";
  return reading<Images>(what, [&]() -> Result<Images> {
    Images images;
    for (const Json& image : FCVM_TRY(parse(what, manifest))) {
      ArchivedImage& found = images.emplace_back();
      image.at("Config").get_to(found.config);
      image.at("Layers").get_to(found.layers);
      if (image.contains("RepoTags") && image.at("RepoTags").is_array()) {
        image.at("RepoTags").get_to(found.names);
      }
    }
    if (images.empty()) return fail(EBADMSG, "the archive holds no image");
    return images;
  });
}

std::string archive_manifest(const ArchivedImage& image) {
  const Json one = {{"Config", image.config}, {"RepoTags", image.names}, {"Layers", image.layers}};
  return Json::array({one}).dump();
}

Result<std::vector<StoredImage>> parse_stored_images(std::string_view list) {
  using Images = std::vector<StoredImage>;
  return reading<Images>("podman's list of images", [&]() -> Result<Images> {
    Images images;
    for (const Json& image : Json::parse(list)) {
      StoredImage& found = images.emplace_back();
      found.id = image.value("id", "");
      found.digest = image.value("digest", "");
      if (image.contains("names") && image.at("names").is_array()) {
        image.at("names").get_to(found.names);
      }
    }
    return images;
  });
}

Result<std::vector<std::string>> parse_config(std::string_view config) {
  using Digests = std::vector<std::string>;
  const std::string what = "the image's configuration";
  return reading<Digests>(what, [&]() -> Result<Digests> {
    const Json json = FCVM_TRY(parse(what, config));
    if (!json.is_object() || !json.contains("rootfs")) {
      return fail(EBADMSG, "the image's configuration names no layers");
    }
    const Json& root = json.at("rootfs");
    if (!root.is_object() || !root.contains("diff_ids") || root.at("diff_ids").is_null()) {
      return Digests();
    }
    return root.at("diff_ids").get<Digests>();
  });
}

std::string Index::to_json() const {
  Json json = {{"version", kIndexVersion},
               {"references", Json::object()},
               {"files", Json::object()},
               {"archives", archives},
               {"ids", ids},
               {"guests", guests},
               {"names", names}};
  for (const auto& [name, named] : references) {
    json["references"][name] = archive::to_json(named);
  }
  for (const auto& [path, file] : files) json["files"][path] = archive::to_json(file);
  // A path may hold any bytes; a replaced one is not found again and read anew.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Index> Index::from_json(std::string_view text) {
  return reading<Index>("the index", [&]() -> Result<Index> {
    const Json json = Json::parse(text);
    if (json.at("version") != kIndexVersion) return fail(EBADMSG, "the index has another version");
    Index index;
    for (const auto& [name, named] : json.at("references").items()) {
      index.references[name] = named_from(named);
    }
    for (const auto& [path, file] : json.at("files").items()) index.files[path] = file_from(file);
    json.at("archives").get_to(index.archives);
    if (json.contains("ids")) json.at("ids").get_to(index.ids);
    if (json.contains("guests")) json.at("guests").get_to(index.guests);
    if (json.contains("names")) json.at("names").get_to(index.names);
    return index;
  });
}

}  // namespace fcvm::archive
