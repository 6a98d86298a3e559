// Jail: what of the host a program is to have that a guest might take over. spawn() makes it.
//
// Made of namespaces, it is a root directory which holds what was allowed and nothing else, and
// mount, pid, IPC, UTS and perhaps network namespaces of its own. Where the host refuses those,
// Landlock keeps the program from everything else in the host's own file system. Either way it has
// no capability, gains none, and cannot make namespaces itself.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/jail/landlock.hpp"

namespace fcvm::base {

enum class JailLevel {
  kNone,      // no privileges and no new ones, but all files that its user may use
  kLandlock,  // the host's file system, of which it may use what was allowed
  kNamespaces,
};
[[nodiscard]] const char* name_of(JailLevel level);

/// How spawn() came out. `reason` says why it is not the highest level.
struct JailOutcome {
  JailLevel level = JailLevel::kNone;
  std::string reason;
};

/// One thing to make in the new root; for the child, which may not allocate.
struct JailStep {
  enum class Kind { kDirectory, kFile, kLink, kBind, kDevice };
  Kind kind;
  const char* at;    // below the new root, without a leading slash
  const char* from;  // a path on the host, or a link's text
  bool writable;
  mode_t mode;
  dev_t number;
};

class Jail {
 public:
  enum class Access { kRead, kExecute, kWrite };

  /// With the system's programs and libraries, for reading, and the devices that every program
  /// expects.
  [[nodiscard]] static Result<Jail> with_system();

  /// A file, directory or socket, at the same path inside. What is inside a directory that was
  /// allowed as much is allowed already.
  Result<void> allow(const std::string& path, Access access);
  /// The same at another path inside.
  Result<void> allow_as(const std::string& inside, const std::string& path, Access access);
  /// A character device. ENOENT when the host has none of that name.
  Result<void> allow_device(const std::string& path);
  /// The program itself, and the libraries beside it where it is not one of the system's.
  Result<void> allow_program(const std::string& path);

  /// Where it starts; a path inside.
  std::string directory;
  /// A network namespace of its own, empty, unless it is given one.
  bool own_network = false;
  /// Who it becomes: only by privilege, which then also keeps it out of every user namespace.
  /// Without, it is in a user namespace, one of its own unless it is given one.
  std::optional<uid_t> uid;
  /// With that uid: the one group it is in besides its own, by which it reads what others do, too.
  gid_t readers = 0;
  /// Asked where namespaces are refused, before the program is tried with no more than `outcome`
  /// says, and as our own user: whether that will do. Who has changed something for `uid` puts it
  /// back here. A failure is that of spawn(), and nothing has run.
  std::function<Result<void>(const JailOutcome& outcome)> before_less;

  // --- for spawn() ---
  struct Entry {
    JailStep::Kind kind;
    std::string from;
    Access access;
    mode_t mode = 0;
    dev_t number = 0;
  };
  /// By path inside, so that each comes after what it lies in.
  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }
  /// Over the same list; ENOSYS or EOPNOTSUPP where there is no Landlock.
  [[nodiscard]] Result<Landlock> landlock() const;

 private:
  [[nodiscard]] std::string through_links(const std::filesystem::path& inside) const;
  [[nodiscard]] bool has(const std::string& inside, const std::string& path, Access access) const;
  void add_system_directory(const std::string& path);

  std::map<std::string, Entry> entries_;
};

}  // namespace fcvm::base
