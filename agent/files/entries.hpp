// Entries: tells what lies at a path. Owns the names of users and groups, once they were looked up.
#pragma once

#include <map>
#include <string>
#include <sys/stat.h>

#include <fcvm/result.hpp>

#include "core/wire/files.hpp"

namespace fcvm::agent {

class Entries {
 public:
  /// The link itself, where one lies there.
  Result<wire::FileEntry> look_at(const std::string& path);
  /// Of what was opened by `path`.
  wire::FileEntry describe(const std::string& path, const struct stat& status);

 private:
  std::map<uid_t, std::string> owners_;
  std::map<gid_t, std::string> groups_;
};

}  // namespace fcvm::agent
