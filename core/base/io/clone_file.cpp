#include "core/base/io/clone_file.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/fs.h>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace fcvm::base {
namespace {

using Progress = std::function<Result<void>(std::uint64_t)>;

/// Small enough that a cancel is heard in time.
constexpr off_t kPiece = 4 << 20;
constexpr std::size_t kPieceByHand = 1 << 20;

Result<void> write_at(int to, std::string_view bytes, off_t offset) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(to, bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("writing the copy");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += count;
  }
  return {};
}

Unexpected changed() { return fail(ESTALE, "the file changed meanwhile", "run the command again"); }

/// For file systems between which the kernel does not copy.
Result<off_t> copy_by_hand(int from, int to, off_t at, off_t end) {
  std::vector<char> buffer(std::min(kPieceByHand, static_cast<std::size_t>(end - at)));
  const ssize_t count = ::pread(from, buffer.data(), buffer.size(), at);
  if (count < 0 && errno == EINTR) return 0;
  if (count < 0) return fail_errno("reading the file");
  if (count == 0) return changed();
  FCVM_TRY(write_at(to, {buffer.data(), static_cast<std::size_t>(count)}, at));
  return count;
}

Result<off_t> copy_piece(int from, int to, off_t at, off_t end) {
  off_t read_at = at;
  off_t write_at = at;
  const auto size = static_cast<std::size_t>(std::min(end - at, kPiece));
  const ssize_t count = ::copy_file_range(from, &read_at, to, &write_at, size, 0);
  if (count > 0) return count;
  if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) {
    return fail_errno("copying the file");
  }
  // Some file systems return 0 where they mean that they cannot.
  return copy_by_hand(from, to, at, end);
}

Result<void> copy_stretch(int from, int to, off_t at, off_t end, const Progress& progress) {
  while (at < end) {
    if (progress) FCVM_TRY(progress(static_cast<std::uint64_t>(at)));
    at += FCVM_TRY(copy_piece(from, to, at, end));
  }
  return progress ? progress(static_cast<std::uint64_t>(end)) : Result<void>();
}

}  // namespace

bool share_blocks(int from, int to) { return ::ioctl(to, FICLONE, from) == 0; }

Result<void> lay_over(int from, int to, const Progress& progress) {
  struct stat status {};
  if (::fstat(from, &status) != 0) return fail_errno("looking at the file");
  for (off_t at = 0; at < status.st_size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole to the end
    if (data < 0) return fail_errno("looking for data");
    const off_t hole = ::lseek(from, data, SEEK_HOLE);
    if (hole < 0) return fail_errno("looking for a hole");
    FCVM_TRY(copy_stretch(from, to, data, hole, progress));
    at = hole;
  }
  struct stat now {};
  if (::fstat(from, &now) != 0) return fail_errno("looking at the file");
  return now.st_size == status.st_size ? Result<void>() : changed();
}

Result<void> clone_file(int from, int to, const Progress& progress) {
  if (share_blocks(from, to)) return {};
  struct stat status {};
  if (::fstat(from, &status) != 0) return fail_errno("looking at the file");
  if (::ftruncate(to, status.st_size) != 0) return fail_errno("sizing the copy");
  return lay_over(from, to, progress);
}

}  // namespace fcvm::base
