// Landlock: owns a ruleset of the kernel's, which says what of the file system a process may use.
//
// It needs no privilege, cannot be taken off, and holds for everything that the process starts. It
// knows files, not names: what was open before stays open. Kernels differ in what they can forbid;
// what this one cannot is not forbidden.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::base {

class Landlock {
 public:
  enum class Access {
    kRead,     // files and directories
    kExecute,  // that, and running programs
    kWrite,    // reading, writing, and in directories making and removing
  };

  /// The version of the kernel's interface (from Linux 5.13 on); 0 where there is none, or it is
  /// switched off.
  [[nodiscard]] static int version();

  /// Nothing is allowed yet. ENOSYS or EOPNOTSUPP where there is no Landlock. From version 6 on,
  /// signals to processes outside and abstract Unix sockets of theirs are forbidden, too.
  [[nodiscard]] static Result<Landlock> create();

  /// A file, or a directory with all that is below it.
  Result<void> allow(const std::string& path, Access access);
  Result<void> allow(int fd, Access access);

  /// Into a ruleset which create() made in the parent of this process. Async-signal-safe.
  [[nodiscard]] static bool extend(int ruleset, int fd, Access access) noexcept;

  /// This thread, and whatever it starts from now on, can do nothing else any more; nor can any of
  /// them gain privileges by exec. Async-signal-safe.
  [[nodiscard]] static bool enforce(int ruleset) noexcept;
  Result<void> enforce() const;

  /// For enforce(), in another process.
  [[nodiscard]] int fd() const noexcept { return ruleset_.get(); }

 private:
  explicit Landlock(Fd ruleset) : ruleset_(std::move(ruleset)) {}

  Fd ruleset_;
};

}  // namespace fcvm::base
