// See clone_file.hpp.
#include "plugins/image/archive/clone_file.hpp"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include "core/base/io/fd.hpp"

namespace fcvm::archive {

namespace {

/// A piece small enough that a cancel is heard in time.
constexpr std::size_t kPiece = 4 << 20;

/// For file systems between which the kernel does not copy.
Result<std::size_t> copy_piece_by_hand(int from, int to, off_t offset) {
  std::vector<char> buffer(1 << 20);
  const ssize_t count = ::pread(from, buffer.data(), buffer.size(), offset);
  if (count < 0) return fail_errno("reading the file");
  const auto size = static_cast<std::size_t>(count);
  FCVM_TRY(base::write_all(to, {buffer.data(), size}));
  return size;
}

Result<std::size_t> copy_piece(int from, int to, off_t offset) {
  loff_t position = offset;
  const ssize_t count = ::copy_file_range(from, &position, to, nullptr, kPiece, 0);
  // Some file systems say 0 where they mean "not me"; the end of the file says 0 by hand too.
  if (count > 0) return static_cast<std::size_t>(count);
  if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) {
    return fail_errno("copying the file");
  }
  return copy_piece_by_hand(from, to, offset);
}

}  // namespace

Result<void> clone_file(int from, int to, const Call& call,
                        const std::function<void(std::uint64_t)>& copied) {
  if (::ioctl(to, FICLONE, from) == 0) return {};
  for (off_t offset = 0;;) {
    FCVM_TRY(call.check());
    const std::size_t count = FCVM_TRY(copy_piece(from, to, offset));
    if (count == 0) return {};
    offset += static_cast<off_t>(count);
    copied(static_cast<std::uint64_t>(offset));
  }
}

}  // namespace fcvm::archive
