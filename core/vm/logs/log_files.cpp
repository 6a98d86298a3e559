// See log_files.hpp.
#include "core/vm/logs/log_files.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/rotating_file.hpp"
#include "core/vm/logs/log_line.hpp"

namespace fcvm::vm {

Result<bool> LogFiles::open() {
  auto directory = base::open_file(directory_path_, O_RDONLY | O_DIRECTORY);
  if (!directory && directory.error().code() == ENOENT) return false;
  directory_ = FCVM_TRY(std::move(directory));
  if (!FCVM_TRY(tail_ ? open_at_tail(*tail_) : open_first())) return false;
  if (wants_more_ && number_ > 1) on_gap_(LogGap::kBefore);
  return true;
}

Result<bool> LogFiles::open_first() {
  const auto parts = FCVM_TRY(base::parts_of(directory_.get(), name_));
  return open_next(parts.empty() ? 0 : parts.front() - 1);
}

Result<bool> LogFiles::open_at_tail(std::size_t lines) {
  if (!FCVM_TRY(open_newest())) return false;
  for (std::size_t left = lines;;) {
    const auto found = FCVM_TRY(find_log_tail(fd_.get(), left));
    left -= found.lines;
    if (left > 0 && FCVM_TRY(open_part(number_ - 1))) continue;
    if (left > 0 || ::lseek(fd_.get(), found.begin, SEEK_SET) < 0) {
      ::lseek(fd_.get(), 0, SEEK_SET);
    }
    wants_more_ = left > 0;
    return true;
  }
}

bool LogFiles::complete() const {
  struct stat now {};
  struct stat ours {};
  if (::fstat(fd_.get(), &ours) != 0) return true;
  if (::fstatat(directory_.get(), name_.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) return true;
  return now.st_ino != ours.st_ino;
}

bool LogFiles::removed() const {
  struct stat info {};
  return directory_ && ::fstat(directory_.get(), &info) == 0 && info.st_nlink == 0;
}

Result<bool> LogFiles::go_on() {
  const auto before = number_;
  if (!FCVM_TRY(open_next(before))) return false;
  const bool none_kept = number_ == before;
  if (number_ > before + 1 || none_kept) on_gap_(LogGap::kBetween);
  return true;
}

/// The first one with a number above `number`.
Result<bool> LogFiles::open_next(std::uint64_t number) {
  for (;;) {
    const auto parts = FCVM_TRY(base::parts_of(directory_.get(), name_));
    const auto next = std::upper_bound(parts.begin(), parts.end(), number);
    if (next == parts.end()) {
      if (!FCVM_TRY(open_newest())) return false;
      if (number_ <= number + 1 || number == 0) return true;
    } else if (FCVM_TRY(open_part(*next))) {
      return true;
    }
  }
}

/// What is written now; its number is the one that it will have as a part.
Result<bool> LogFiles::open_newest() {
  for (;;) {
    const auto before = FCVM_TRY(base::parts_of(directory_.get(), name_));
    auto fd = base::open_at(directory_.get(), name_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd && fd.error().code() == ENOENT) return false;
    Fd opened = FCVM_TRY(std::move(fd));
    const auto after = FCVM_TRY(base::parts_of(directory_.get(), name_));
    if (before != after) continue;  // it was just being renamed
    fd_ = std::move(opened);
    number_ = after.empty() ? 1 : after.back() + 1;
    return true;
  }
}

Result<bool> LogFiles::open_part(std::uint64_t number) {
  auto fd = base::open_at(directory_.get(), base::part_name(name_, number),
                          O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd && fd.error().code() == ENOENT) return false;
  fd_ = FCVM_TRY(std::move(fd));
  number_ = number;
  return true;
}

}  // namespace fcvm::vm
