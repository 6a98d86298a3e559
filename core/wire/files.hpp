// FileOrder: asks the exec port for something about files in place of a command. It is done as
// ExecRequest::user, in the container's root.
//
//   stdout   the answer: a FileEntry; of kList one for each entry; of kRead the file's bytes after
//            it; of kWatch a FileEvent for each event after it; of kRemove nothing
//   stdin    of kWrite the file's bytes; its end makes them the file
//   stderr   a FileFailure, when the exit code is not 0
//
// An order that never began is an ExecFailed as any command's: kNoSuchUser, or ESRCH when the
// container does not run.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/wire/message.hpp"

namespace fcvm::wire {

/// In Hello::abilities of an agent that takes a FileOrder.
constexpr char kFilesAbility[] = "files";

/// ExecFailed::error of an order for a user that the container has not.
constexpr int kNoSuchUser = EUSERS;

/// An entry has three paths of 4 KiB at most, and an event one more.
constexpr std::size_t kMaxFileAnswer = 32 << 10;

enum class FileOperation : std::uint8_t {
  kNone = 0,
  kStat = 1,
  kList = 2,
  kMakeDirectory = 3,  // its parents, too; EEXIST when it is there
  kMove = 4,           // replaces a file that is there
  kRemove = 5,         // a directory with all that is in it; ENOENT when there is nothing
  kRead = 6,
  kWrite = 7,  // makes the directories that are missing; replaces a file at once
  kWatch = 8,  // a directory, until the stream ends
};

struct FileOrder {
  FileOperation operation = FileOperation::kNone;
  std::string path;         // relative to the user's home directory, which is "~", too
  std::string destination;  // of kMove, likewise
  std::uint32_t depth = 1;  // of kList: how many levels; 1 is what lies in the directory itself
  bool recursive = false;   // of kWatch
  bool entries = false;     // of kWatch: events tell what there is now

  FCVM_FIELDS(visit(1, self.operation); visit(2, self.path); visit(3, self.destination);
              visit(4, self.depth); visit(5, self.recursive); visit(6, self.entries);)
};

enum class FileKind : std::uint8_t { kOther = 0, kFile = 1, kDirectory = 2, kLink = 3 };

struct FileEntry {
  static constexpr std::uint16_t kType = 96;

  std::string name;  // the last part of the path
  std::string path;  // absolute
  FileKind kind = FileKind::kOther;
  std::uint64_t size = 0;
  std::uint32_t mode = 0;  // the lower 12 bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string owner;  // the name, or the number where there is none
  std::string group;
  std::int64_t modified_seconds = 0;  // since 1970
  std::uint32_t modified_ns = 0;
  std::string link;  // where a link leads, as it says

  FCVM_FIELDS(visit(1, self.name); visit(2, self.path); visit(3, self.kind); visit(4, self.size);
              visit(5, self.mode); visit(6, self.uid); visit(7, self.gid); visit(8, self.owner);
              visit(9, self.group); visit(10, self.modified_seconds); visit(11, self.modified_ns);
              visit(12, self.link);)
};

enum class FileEventKind : std::uint8_t {
  kNone = 0,
  kCreate = 1,  // made, or moved to here
  kWrite = 2,
  kRemove = 3,
  kRename = 4,  // moved away
  kMode = 5,    // permissions, owner or times
  kLost = 6,    // no more about it: some events are missing here, for there were too many
};

struct FileEvent {
  static constexpr std::uint16_t kType = 97;

  FileEventKind kind = FileEventKind::kNone;
  std::string name;  // relative to the directory that is watched
  std::optional<FileEntry> entry;

  FCVM_FIELDS(visit(1, self.kind); visit(2, self.name); visit(3, self.entry);)
};

struct FileFailure {
  static constexpr std::uint16_t kType = 98;

  std::int32_t code = 0;  // errno
  std::string message;

  FCVM_FIELDS(visit(1, self.code); visit(2, self.message);)
};

}  // namespace fcvm::wire
