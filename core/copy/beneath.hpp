// Beneath: owns a directory that nothing done through it can leave. Names are relative, with no
// ".." in them; each is looked up by the kernel with openat2(2), so that nobody who changes the
// tree meanwhile can lead us out either.
#pragma once

#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::copy {

/// What symbolic links on the way to a name mean.
enum class Links {
  kRefuse,  // ELOOP: whoever made the tree is not trusted
  kFollow,  // they lead where they lead: the process is confined to that root anyhow
};

/// "a/./b//" as "a/b", "/a" as "a", "." as "". EPERM for one that has "..".
Result<std::string> clean_name(std::string_view name);

class Beneath {
 public:
  Beneath(base::Fd directory, Links links) : directory_(std::move(directory)), links_(links) {}

  /// The directory in which the last part of a name lies, and that part. The descriptor lives until
  /// the next call. Directories that are missing are made when `make` says so.
  struct Place {
    int parent = -1;
    std::string leaf;
  };
  Result<Place> find(const std::string& name, bool make);

  /// Whether there is a directory at the place; a link to one counts where links are followed.
  [[nodiscard]] bool is_directory(const Place& place) const;

  [[nodiscard]] int fd() const { return directory_.get(); }

 private:
  Result<base::Fd> open_directory(int from, const std::string& name) const;
  Result<base::Fd> open_parent(const std::string& name, bool make) const;

  base::Fd directory_;
  Links links_;
  base::Fd parent_;  // of the last name, since the next one often lies beside it
  std::string parent_name_;
};

}  // namespace fcvm::copy
