// See archive.hpp.
#include "plugins/image/common/archive.hpp"

#include <set>

#include "core/base/io/fd.hpp"
#include "core/digest/sha256.hpp"

namespace fcvm::archive {

namespace {

Result<ArchivedImage> the_image(const Members& members) {
  const std::string manifest = FCVM_TRY(members.read("manifest.json"));
  auto images = FCVM_TRY(parse_archive_manifest(manifest));
  if (images.size() == 1) return std::move(images.front());
  return fail(EINVAL, "the archive holds " + std::to_string(images.size()) + " images",
              "say which: docker-archive:FILE:NAME:TAG, or docker-archive:FILE:@0");
}

Result<void> begin_member(tar::Writer& writer, const std::string& name, std::uint64_t size) {
  tar::Entry entry;
  entry.name = name;
  entry.size = size;
  entry.extents = {{0, size}};
  return writer.begin(entry);
}

Result<void> add_document(tar::Writer& writer, const std::string& name, const std::string& text) {
  FCVM_TRY(begin_member(writer, name, text.size()));
  return writer.write(text);
}

}  // namespace

Result<Archive> Archive::read(int fd, const Call& call) {
  Archive found(FCVM_TRY(Members::find(fd, call)));
  found.image_ = FCVM_TRY(the_image(found.members_));
  for (const auto& layer : found.image_.layers) {
    if (!found.members_.has(layer)) return fail(EBADMSG, "the archive lacks its layer " + layer);
  }
  found.config_ = FCVM_TRY(found.members_.read(found.image_.config));
  found.digests_ = FCVM_TRY(parse_config(found.config_));
  return found;
}

Result<Archive> Archive::open(int fd, const Call& call) {
  auto found = read(fd, call);
  if (found || found.error().code() != EBADMSG) return found;
  return std::move(found) | remedy("make it anew, for example with podman save");
}

std::string Archive::id() const { return "sha256:" + digest::sha256(config_); }

Result<bool> Archive::has_its_layers(const Call& call) const {
  return write_to([](std::string_view) { return Result<void>(); }, {}, call);
}

Result<bool> Archive::write_anew(int to, const std::vector<std::string>& names,
                                 const Call& call) const {
  return write_to([&](std::string_view bytes) { return base::write_all(to, bytes); }, names, call);
}

Result<bool> Archive::write_to(const tar::Sink& sink, const std::vector<std::string>& names,
                               const Call& call) const {
  if (digests_.size() != image_.layers.size()) return false;
  ArchivedImage image{digest::sha256(config_) + ".json", {}, names};
  for (const auto& digest : digests_) {
    image.layers.push_back(digest.substr(digest.find(':') + 1) + ".tar");
  }
  tar::Writer writer(sink);
  FCVM_TRY(add_document(writer, "manifest.json", archive_manifest(image)));
  FCVM_TRY(add_document(writer, image.config, config_));
  std::set<std::string> written;
  for (std::size_t i = 0; i < digests_.size(); ++i) {
    const std::string& given = image_.layers[i];
    Members::Use use;  // none for a layer that is there already
    if (written.insert(digests_[i]).second) {
      const std::uint64_t size = FCVM_TRY(members_.size(given));
      FCVM_TRY(begin_member(writer, image.layers[i], size));
      use = [&](std::string_view piece) { return writer.write(piece); };
    }
    const std::string digest = FCVM_TRY(members_.digest(given, call, use));
    if (digest != digests_[i]) return false;
  }
  FCVM_TRY(writer.finish());
  return true;
}

Result<std::string> config_in(int fd, const Call& call) {
  return FCVM_TRY(Archive::open(fd, call)).config();
}

}  // namespace fcvm::archive
