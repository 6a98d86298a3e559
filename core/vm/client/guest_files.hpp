// GuestFiles: the files of a guest's container for a program: look, list, make, move, remove, read,
// write, watch; as one user. Owns only how the guest is reached. Each call is a stream of its own,
// blocks, and keeps to its deadline (ETIMEDOUT).
//
// Errors are those of the guest's kernel: ENOENT, EEXIST, EACCES, ENOTDIR, EISDIR, ENOSPC...;
// wire::kNoSuchUser when the container has no such user, ESRCH when it does not run. Names that a
// guest gives are any bytes without a zero.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/vm/client/file_order.hpp"
#include "core/vm/guest/guest_control.hpp"
#include "core/wire/exec.hpp"
#include "core/wire/files.hpp"

namespace fcvm::vm {

/// A file that is being read.
class FileReader {
 public:
  FileReader(std::unique_ptr<OrderUnderWay> order, wire::FileEntry entry)
      : order_(std::move(order)), entry_(std::move(entry)) {}

  /// What it was when it was opened; how much comes is only known at its end.
  [[nodiscard]] const wire::FileEntry& entry() const { return entry_; }
  /// Some bytes; 0 at the end.
  Result<std::size_t> read(std::span<char> into, base::Deadline deadline) {
    return order_->read(into, deadline);
  }
  /// From any thread.
  void cancel() { order_->cancel(); }

 private:
  std::unique_ptr<OrderUnderWay> order_;
  wire::FileEntry entry_;
};

/// A file that is being written. It is there, as a whole, once finish() has succeeded; without it
/// all is as it was.
class FileWriter {
 public:
  explicit FileWriter(std::unique_ptr<OrderUnderWay> order) : order_(std::move(order)) {}

  Result<void> write(std::string_view bytes, base::Deadline deadline) {
    return order_->write(bytes, deadline);
  }
  Result<wire::FileEntry> finish(base::Deadline deadline);
  /// From any thread.
  void cancel() { order_->cancel(); }

 private:
  std::unique_ptr<OrderUnderWay> order_;
};

/// A directory that is watched.
class FileWatch {
 public:
  explicit FileWatch(std::unique_ptr<OrderUnderWay> order) : order_(std::move(order)) {}

  /// The next event. Nothing once the directory itself has gone; EPIPE when the guest has, or was
  /// restored.
  Result<std::optional<wire::FileEvent>> next(base::Deadline deadline) {
    return order_->next<wire::FileEvent>(deadline);
  }
  /// From any thread.
  void cancel() { order_->cancel(); }

 private:
  std::unique_ptr<OrderUnderWay> order_;
};

class GuestFiles {
 public:
  /// What a list holds at most: EMSGSIZE for more, which nobody asked a hostile guest for.
  static constexpr std::size_t kMostEntries = 16384;
  static constexpr std::size_t kLargestList = 8 << 20;

  /// `user`: empty for the container's own. Paths are absolute, or relative to the user's home.
  GuestFiles(DialGuest dial, std::string user, wire::ExecPlace place = wire::ExecPlace::kContainer)
      : dial_(std::move(dial)), user_(std::move(user)), place_(place) {}

  Result<wire::FileEntry> stat(std::string path, base::Deadline deadline) const;
  /// `depth` levels; 1 is what lies in the directory itself.
  Result<std::vector<wire::FileEntry>> list(std::string path, std::uint32_t depth,
                                            base::Deadline deadline) const;
  /// With its parents; EEXIST when it is there.
  Result<wire::FileEntry> make_directory(std::string path, base::Deadline deadline) const;
  Result<wire::FileEntry> move(std::string from, std::string to, base::Deadline deadline) const;
  Result<void> remove(std::string path, base::Deadline deadline) const;

  Result<FileReader> read(std::string path, base::Deadline deadline) const;
  Result<FileWriter> write(std::string path, base::Deadline deadline) const;
  struct WatchOptions {
    bool recursive = false;
    bool entries = false;  // events tell what there is now
  };
  /// What happens from when it returns is told.
  Result<FileWatch> watch(std::string path, WatchOptions options, base::Deadline deadline) const;

 private:
  Result<std::unique_ptr<OrderUnderWay>> begin(wire::FileOrder order,
                                               base::Deadline deadline) const;
  Result<wire::FileEntry> entry_by(wire::FileOrder order, base::Deadline deadline) const;

  DialGuest dial_;
  std::string user_;
  wire::ExecPlace place_;
};

}  // namespace fcvm::vm
