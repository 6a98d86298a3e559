// The recipe of the guest's root file system: the words for mmdebstrap and the script that makes
// the image. All of it goes into the key, so a changed recipe is a new root file system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::setup {

/// Everything of the recipe that does not depend on paths.
[[nodiscard]] std::string recipe_text(std::string_view architecture);

struct Bootstrap {
  std::string architecture{};
  std::string suite{};
  std::string mirror{};
  bool unshare = false;  // as an ordinary user
  std::string tarball{};
  std::string extras{};  // directory for the kernel, busybox and the list of packages
};

/// One run makes the root file system and, so that both fit, gets the suite's kernel.
[[nodiscard]] std::vector<std::string> mmdebstrap_words(const Bootstrap& bootstrap);

/// sh -ec SCRIPT sh DIRECTORY TARBALL IMAGE, perhaps under fakeroot: the owners in the tarball
/// become those in the image.
[[nodiscard]] std::string_view image_script();

}  // namespace fcvm::setup
