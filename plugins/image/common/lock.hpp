// Lock: owns an flock(2) on a file whose name may be removed by whoever holds it exclusively.
//
// core/base's FileLock leaves its file for ever; here there is one per image, so it goes with its
// last use: a lock counts only when its file still has the name, looked at after locking.
#pragma once

#include <optional>
#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::archive {

class Lock {
 public:
  enum class Mode { kExclusive, kShared };

  /// Nothing when another process holds it, or when there is no file: it makes none.
  static Result<std::optional<Lock>> try_existing(const std::string& path, Mode mode);
  /// Makes the file, locks it exclusively and removes it when released. Nothing when another
  /// process holds it.
  static Result<std::optional<Lock>> try_make(const std::string& path);
  /// The same, but waits.
  static Result<Lock> make(const std::string& path, const Call& call);

  Lock(Lock&& other) noexcept = default;
  Lock& operator=(Lock&&) = delete;
  ~Lock() {
    if (fd_.valid() && !remove_.empty()) ::unlink(remove_.c_str());
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Lock(Fd fd, std::string remove) : fd_(std::move(fd)), remove_(std::move(remove)) {}

  Fd fd_;
  std::string remove_;  // empty: the file stays
};

}  // namespace fcvm::archive
