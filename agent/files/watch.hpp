// Watch: owns an inotify of one directory, or of a tree, and tells what happens there.
//
// Events wait in the kernel's queue alone: when the host takes none for long, it overflows, and
// that is told as kLost.
#pragma once

#include <map>
#include <string>

#include <fcvm/result.hpp>

#include "agent/files/answer.hpp"
#include "agent/files/entries.hpp"
#include "agent/files/watch_events.hpp"
#include "core/base/io/fd.hpp"

struct inotify_event;

namespace fcvm::agent {

class Watch {
 public:
  struct What {
    std::string path;  // absolute
    bool recursive = false;
    bool entries = false;
  };
  /// Begins; what happens from now on is told. `most_directories` bounds a tree: ENOSPC for a
  /// larger one, and kLost for what lies in a directory that is one too many later.
  static Result<Watch> open(What what, Entries& entries, Answer& answer,
                            std::size_t most_directories = kMostDirectories);

  /// Tells events until the directory itself has gone.
  Result<void> follow();
  /// Tells those that have come, and waits for the first of them. False once the directory itself
  /// has gone.
  Result<bool> tell_next();

 private:
  static constexpr std::size_t kMostDirectories = 16384;

  Watch(What what, Entries& entries, Answer& answer, std::size_t most_directories)
      : what_(std::move(what)),
        entries_(entries),
        answer_(answer),
        most_directories_(most_directories) {}

  Result<void> add_tree(const std::string& relative, bool tells);
  Result<void> add_below(const std::string& relative, bool tells);
  void forget_tree(const std::string& relative);
  Result<bool> take(const inotify_event& event);
  Result<void> take_named(const inotify_event& event, const std::string& name);
  Result<void> take_directory(const inotify_event& event, const std::string& name);
  Result<void> tell(wire::FileEventKind kind, const std::string& relative);
  [[nodiscard]] std::string path_of(const std::string& relative) const;

  What what_;
  Entries& entries_;
  Answer& answer_;
  std::size_t most_directories_;
  base::Fd inotify_;
  int root_ = -1;
  std::map<int, std::string> directories_;  // by watch: relative to the root's, which is ""
  WatchEvents events_;
};

}  // namespace fcvm::agent
