// Workshop: owns the lock under which guests are built, and the directories of work in progress.
#pragma once

#include <filesystem>
#include <string>

#include <fcvm/result.hpp>

#include "core/base/io/file.hpp"
#include "core/setup/progress.hpp"

namespace fcvm::setup {

class Workshop {
 public:
  /// Waits for another setup, saying so, and removes what killed ones left: under the lock nobody
  /// else works here.
  [[nodiscard]] static Result<Workshop> enter(const std::filesystem::path& guests,
                                              Progress& progress);

  [[nodiscard]] const std::filesystem::path& guests() const { return guests_; }
  /// An empty directory for building; install_piece() or the next setup takes it away.
  [[nodiscard]] Result<std::filesystem::path> new_directory(const std::string& name);
  /// Where the output of tools is kept; young enough to tell about the last setup only.
  [[nodiscard]] std::filesystem::path log() const { return guests_ / "setup.log"; }

 private:
  Workshop(std::filesystem::path guests, base::FileLock lock)
      : guests_(std::move(guests)), lock_(std::move(lock)) {}

  void remove_leftovers();

  std::filesystem::path guests_;
  base::FileLock lock_;
};

}  // namespace fcvm::setup
