// TempDir: owns a directory of its own, removed with all it holds on destruction.
#pragma once

#include <string>

#include <fcvm/result.hpp>

namespace fcvm::base {

class TempDir {
 public:
  /// Makes <parent>/<prefix>XXXXXX with mode 0700; an empty parent is $TMPDIR or /tmp.
  static Result<TempDir> create(const std::string& parent = {},
                                const std::string& prefix = "fcvm-");

  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Gives the directory up: it stays, and its path is returned.
  std::string keep();
  /// Removes it now and says whether that worked.
  Result<void> remove();

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace fcvm::base
