// The directory that a VMM has, made anew for a VM that is started again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::vm {

/// Empty, but for those files of `keep` that are there. A VMM that a guest took over may have left
/// anything in it: what is kept is a file of one name, and no link. Goes on where it was killed.
[[nodiscard]] Result<void> fresh_directory(const std::filesystem::path& directory,
                                           const std::vector<std::string>& keep);

}  // namespace fcvm::vm
