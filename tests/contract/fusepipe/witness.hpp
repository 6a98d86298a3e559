// Witness: does things to files in a directory and notes what came of it, so that two directories
// can be compared. Owns its notes.
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace fcvm::test {

class Witness {
 public:
  explicit Witness(std::string root) : root_(std::move(root)) {}

  [[nodiscard]] std::string path(const std::string& name) const { return root_ + "/" + name; }

  /// Notes the call's result, or its errno.
  void call(const std::string& what, const std::function<long()>& done);
  /// Notes what the file is: type, mode, links, owner, size, target, and contents of small files.
  void look(const std::string& name);
  /// Notes which of its times `done` changed; they are set to a day long ago before.
  void times(const std::string& name, const std::function<void()>& done);
  void note(const std::string& line) { notes_.push_back(line); }

  [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  std::string root_;
  std::vector<std::string> notes_;
};

/// While it lives, this thread is that user to the file system.
class AsUser {
 public:
  AsUser(uid_t user, gid_t group, const std::vector<gid_t>& groups = {});
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;
  ~AsUser();
};

}  // namespace fcvm::test
