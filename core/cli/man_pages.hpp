// Man pages, made from the tables that parse the command line and the configuration.
#pragma once

#include <filesystem>

#include <fcvm/result.hpp>

namespace fcvm::cli {

/// fcvm.1 and fcvm-VERB.1 below `directory`/man1, fcvm.toml.5 below man5.
[[nodiscard]] Result<void> write_man_pages(const std::filesystem::path& directory);

}  // namespace fcvm::cli
