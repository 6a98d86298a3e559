// See archive_check.hpp.
#include "plugins/image/common/archive_check.hpp"

#include <set>

#include "core/base/io/fd.hpp"
#include "core/digest/sha256.hpp"
#include "core/tar/writer.hpp"
#include "plugins/image/common/documents.hpp"
#include "plugins/image/common/members.hpp"

namespace fcvm::archive {

namespace {

Result<ArchivedImage> the_image(const Members& members) {
  const std::string manifest = FCVM_TRY(members.read("manifest.json"));
  auto images = FCVM_TRY(parse_archive_manifest(manifest));
  if (images.size() == 1) return std::move(images.front());
  return fail(EINVAL, "the archive holds " + std::to_string(images.size()) + " images",
              "say which: docker-archive:FILE:NAME:TAG, or docker-archive:FILE:@0");
}

Result<std::string> read_image(int fd, const Call& call) {
  const Members members = FCVM_TRY(Members::find(fd, call));
  const ArchivedImage image = FCVM_TRY(the_image(members));
  for (const auto& layer : image.layers) {
    if (!members.has(layer)) return fail(EBADMSG, "the archive lacks its layer " + layer);
  }
  std::string config = FCVM_TRY(members.read(image.config));
  FCVM_TRY(parse_config(config));
  return config;
}

Result<void> add_document(tar::Writer& writer, const std::string& name, const std::string& text) {
  tar::Entry entry;
  entry.name = name;
  entry.size = text.size();
  entry.extents = {{0, entry.size}};
  FCVM_TRY(writer.begin(entry));
  return writer.write(text);
}

}  // namespace

Result<bool> has_its_layers(int fd, const Call& call) {
  const Members members = FCVM_TRY(Members::find(fd, call));
  const ArchivedImage image = FCVM_TRY(the_image(members));
  const std::string config = FCVM_TRY(members.read(image.config));
  const auto digests = FCVM_TRY(parse_config(config));
  if (digests.size() != image.layers.size()) return false;
  for (std::size_t i = 0; i < digests.size(); ++i) {
    if (FCVM_TRY(members.digest(image.layers[i], call)) != digests[i]) return false;
  }
  return true;
}

Result<bool> write_anew(int from, int to, const std::vector<std::string>& names, const Call& call) {
  const Members members = FCVM_TRY(Members::find(from, call));
  const ArchivedImage given = FCVM_TRY(the_image(members));
  const std::string config = FCVM_TRY(members.read(given.config));
  const auto digests = FCVM_TRY(parse_config(config));
  if (digests.size() != given.layers.size()) return false;
  ArchivedImage image{digest::sha256(config) + ".json", {}, names};
  for (const auto& digest : digests)
    image.layers.push_back(digest.substr(digest.find(':') + 1) + ".tar");
  tar::Writer writer([&](std::string_view bytes) { return base::write_all(to, bytes); });
  FCVM_TRY(add_document(writer, "manifest.json", archive_manifest(image)));
  FCVM_TRY(add_document(writer, image.config, config));
  std::set<std::string> written;
  for (std::size_t i = 0; i < digests.size(); ++i) {
    if (!written.insert(digests[i]).second) continue;
    tar::Entry entry;
    entry.name = image.layers[i];
    entry.size = FCVM_TRY(members.size(given.layers[i]));
    entry.extents = {{0, entry.size}};
    FCVM_TRY(writer.begin(entry));
    const auto digest = FCVM_TRY(members.digest(
        given.layers[i], call, [&](std::string_view piece) { return writer.write(piece); }));
    if (digest != digests[i]) return false;
  }
  FCVM_TRY(writer.finish());
  return true;
}

Result<std::string> read_archive(int fd, const Call& call) {
  auto config = read_image(fd, call);
  if (config || config.error().code() != EBADMSG) return config;
  return std::move(config) | remedy("make it anew, for example with podman save");
}

Result<std::vector<std::string>> names_in_archive(int fd, const Call& call) {
  const Members members = FCVM_TRY(Members::find(fd, call));
  return FCVM_TRY(the_image(members)).names;
}

}  // namespace fcvm::archive
