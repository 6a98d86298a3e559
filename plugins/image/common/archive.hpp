// Archive: a docker-archive that lies on this host, with the one image that it has. Borrows the
// descriptor.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>

#include "core/tar/writer.hpp"
#include "plugins/image/common/documents.hpp"
#include "plugins/image/common/members.hpp"

namespace fcvm::archive {

class Archive {
 public:
  /// Checks that it has one image with all its layers, without reading them. EBADMSG when it is
  /// damaged, EINVAL when it has several images.
  static Result<Archive> open(int fd, const Call& call);

  /// Of the image, byte for byte.
  [[nodiscard]] const std::string& config() const { return config_; }
  /// "sha256:..." of it.
  [[nodiscard]] std::string id() const;
  /// As they are written there.
  [[nodiscard]] const std::vector<std::string>& names() const { return image_.names; }

  /// Whether each layer is the one that the configuration names, by its digest: a configuration is
  /// an image's identity. False also for layers that are compressed, or lie elsewhere.
  [[nodiscard]] Result<bool> has_its_layers(const Call& call) const;

  /// Writes the archive anew, of nothing but its image under these names, so that every reader
  /// finds there what this one has found. False, with a part of it written, where has_its_layers()
  /// is false.
  Result<bool> write_anew(int to, const std::vector<std::string>& names, const Call& call) const;

 private:
  explicit Archive(Members members) : members_(std::move(members)) {}
  static Result<Archive> read(int fd, const Call& call);
  Result<bool> write_to(const tar::Sink& sink, const std::vector<std::string>& names,
                        const Call& call) const;

  Members members_;
  ArchivedImage image_;
  std::string config_;
  std::vector<std::string> digests_;  // of the layers, as the configuration has them
};

/// The configuration of an archive's image.
Result<std::string> config_in(int fd, const Call& call);

}  // namespace fcvm::archive
