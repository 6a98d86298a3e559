// Archive: owns the bytes of a small tar archive that is made in memory. All entries belong to root
// and carry time stamp 0, so that the same entries give the same bytes.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

#include "core/tar/entry.hpp"

namespace fcvm::tar {

class Archive {
 public:
  Archive& add_directory(std::string_view name, mode_t mode = 0755);
  Archive& add_file(std::string_view name, std::string_view content, mode_t mode = 0644);
  Archive& add_symlink(std::string_view name, std::string_view target);

  /// Of the whole archive, with its end mark.
  [[nodiscard]] std::string bytes() const;

 private:
  std::string bytes_;
};

}  // namespace fcvm::tar
