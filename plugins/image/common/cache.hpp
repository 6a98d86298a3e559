// Cache: the directory that all VMs of a user share. For an image there is
//
//   <sha256>.tar      the archive, padded to whole sectors; whoever uses it has a shared lock on it
//   <sha256>.lock     while somebody fetches or removes it
//   <id>.ext4         what a plugin makes of it, likewise; the archive then goes
//   <id>.json         the image's configuration, of which <id> is the SHA-256
//   <id>.making       while somebody makes something of it
//   work.XXXXXX/      while something is made
//   index.json        what the names meant, and which images the digests are; index.lock guards it
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fcvm/image.hpp>

#include "plugins/image/common/documents.hpp"
#include "plugins/image/common/lock.hpp"

namespace fcvm::archive {

class Cache {
 public:
  static constexpr std::string_view kArchive = ".tar";

  /// `directory` is the host's, borrowed for the call. An image is there when it has a file of this
  /// suffix: a plugin's own, or the archive itself.
  static Result<Cache> open(const Host& host, int directory, std::string_view suffix = kArchive);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string archive(const std::string& digest) const;
  /// What an image is used by, where its digest is known to be of an image that is there.
  [[nodiscard]] std::string prepared(const std::string& digest) const;
  /// Of an id: "sha256:...".
  [[nodiscard]] std::string prepared_by_id(const std::string& id) const;
  [[nodiscard]] std::string config(const std::string& id) const;
  /// The image's id; empty when it is not known.
  [[nodiscard]] std::string id_of(const std::string& digest) const;
  [[nodiscard]] std::string fetch_lock(const std::string& digest) const;
  [[nodiscard]] std::string making_lock(const std::string& id) const;

  /// A hold on the archive, which keeps it from being collected; nothing when it is not there, or
  /// not all of it.
  [[nodiscard]] Result<std::optional<Lock>> hold(const std::string& digest) const;
  /// The same for what the image is used by.
  [[nodiscard]] Result<std::optional<Lock>> hold_prepared(const std::string& digest) const;
  /// Moves what was made in a work directory, and is whole, to its name; locked before it has it,
  /// so that nobody collects it in between.
  [[nodiscard]] Result<Lock> publish(const std::string& made, const std::string& name) const;

  /// One that cannot be read, or understood, is an empty one.
  [[nodiscard]] Index index() const;
  /// Reads, changes and writes the index, one process at a time. Fails where it cannot be read,
  /// since what it says would be lost; one that cannot be understood is kept as index.json.damaged.
  Result<void> update(const Call& call, const std::function<void(Index&)>& change) const;

  /// The images there are, sorted by their names.
  [[nodiscard]] Result<std::vector<ImageEntry>> list() const;
  /// An empty digest takes the name away, from images of all platforms.
  Result<void> name(const std::string& name, const std::string& digest, const Call& call) const;
  /// Removes those of these images that nobody holds, and what killed preparations have left:
  /// returns all digests of the images that are gone.
  Result<std::vector<std::string>> collect(const std::vector<std::string>& unwanted,
                                           const Call& call) const;

 private:
  Cache(const Host& host, std::string path, std::string_view suffix)
      : host_(host), path_(std::move(path)), suffix_(suffix) {}
  [[nodiscard]] bool is_of_archives() const { return suffix_ == kArchive; }
  [[nodiscard]] Result<std::set<std::string>> stored(std::string_view suffix) const;
  [[nodiscard]] std::vector<std::string> digests_of(const Index& index,
                                                    const std::string& stored) const;
  [[nodiscard]] Result<Index> read_index() const;
  [[nodiscard]] Result<std::vector<std::string>> remove(const std::string& stored,
                                                        const Call& call) const;
  [[nodiscard]] Result<void> remove_litter(const Call& call) const;
  [[nodiscard]] Result<void> remove_halves(const Call& call) const;
  [[nodiscard]] bool is_cut_short(int file, const std::string& digest) const;

  Host host_;
  std::string path_;
  std::string suffix_;
};

}  // namespace fcvm::archive
