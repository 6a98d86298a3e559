// CapturedLogs: what a VMM and its guest's console say, in files of the VM's directory that stay
// small: a hostile guest may fill its console, and make its VMM complain, for ever. Owns the pipes
// through which it comes and the thread that reads them; a writer is never held up for long.
#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/io/rotating_file.hpp"

namespace fcvm::vmm {

class CapturedLogs {
 public:
  /// The last MiB at least is kept, and never more than two.
  static constexpr base::RotatingFile::Limits kLimits{.max_size = 1 << 20, .max_files = 2};

  /// `directory` is borrowed until start() is over.
  [[nodiscard]] static Result<std::unique_ptr<CapturedLogs>> open(int directory);
  CapturedLogs(const CapturedLogs&) = delete;
  CapturedLogs& operator=(const CapturedLogs&) = delete;
  /// The writers have ended; what they wrote is kept.
  ~CapturedLogs();

  /// A descriptor whose every byte goes into the file `name`, made anew; before start().
  [[nodiscard]] Result<Fd> add(const std::string& name);
  /// A file that the VMM writes by itself: emptied once it is larger than the limit.
  void watch(const std::string& name) { watched_.push_back(name); }
  [[nodiscard]] Result<void> start();

  /// Waits, shortly, until what was written is in the files.
  void settle();

 private:
  struct Log {
    Fd from;
    base::RotatingFile file;
  };

  explicit CapturedLogs(Fd directory, Fd wake)
      : directory_(std::move(directory)), wake_(std::move(wake)) {}

  void run();
  void drain(Log& log);
  void cut_watched() const;

  Fd directory_;
  Fd wake_;
  std::list<std::string> watched_;
  std::list<Log> logs_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool idle_ = false;
  std::thread thread_;
};

}  // namespace fcvm::vmm
