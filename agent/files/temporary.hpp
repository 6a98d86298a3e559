// Temporary: owns a file beside the one that it is to become. It goes with its owner, also when the
// process is told to end (SIGHUP, as the host's hanging up is).
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::agent {

class Temporary {
 public:
  /// What their names begin with: who watches a directory knows them by it, and so knows what a
  /// rename of one is.
  static constexpr std::string_view kForNew = ".fcvm-new-";
  static constexpr std::string_view kForOld = ".fcvm-old-";
  static bool is_name_of_one(std::string_view name) {
    return name.starts_with(kForNew) || name.starts_with(kForOld);
  }

  /// `replaces`: there is a file that it is to take the place of.
  static Result<Temporary> create(const std::string& directory, bool replaces);
  Temporary(Temporary&& other) noexcept;
  Temporary& operator=(Temporary&&) = delete;
  ~Temporary();

  [[nodiscard]] int fd() const { return file_.get(); }
  /// When it fails, it is what it was.
  Result<void> become(const std::string& path);

 private:
  Temporary(base::Fd file, std::string path);

  base::Fd file_;
  std::string path_;  // empty: it has become a file, or another owner's
};

}  // namespace fcvm::agent
