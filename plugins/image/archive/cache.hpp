// Cache: the directory that all VMs of a user share. For an image there is
//
//   <sha256>.tar    the archive, padded to whole sectors; whoever uses it has a shared lock on it
//   <sha256>.lock   while somebody fetches or removes it
//   work.XXXXXX/    while something is made
//   index.json      what the names meant; index.lock guards it
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/host.hpp>

#include "plugins/image/archive/documents.hpp"
#include "plugins/image/archive/lock.hpp"

namespace fcvm::archive {

class Cache {
 public:
  /// `directory` is the host's, borrowed for the call.
  static Result<Cache> open(const Host& host, int directory);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string archive(const std::string& digest) const;
  [[nodiscard]] std::string fetch_lock(const std::string& digest) const;

  /// A hold on the archive, which keeps it from being collected; nothing when it is not there, or
  /// not all of it.
  [[nodiscard]] Result<std::optional<Lock>> hold(const std::string& digest) const;

  /// An unreadable index is an empty one.
  [[nodiscard]] Index index() const;
  /// Reads, changes and writes the index, one process at a time.
  Result<void> update(const Call& call, const std::function<void(Index&)>& change) const;

  /// Removes every archive that `keep` does not name and nobody holds: returns their digests.
  Result<std::vector<std::string>> collect(const std::vector<std::string>& keep,
                                           const Call& call) const;

 private:
  Cache(const Host& host, std::string path) : host_(host), path_(std::move(path)) {}
  [[nodiscard]] Result<bool> remove(const std::string& digest) const;
  [[nodiscard]] bool is_cut_short(int file, const std::string& digest) const;

  Host host_;
  std::string path_;
};

}  // namespace fcvm::archive
