// See archive_check.hpp.
#include "plugins/image/common/archive_check.hpp"

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
