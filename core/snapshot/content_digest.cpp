// See content_digest.hpp.
#include "core/snapshot/content_digest.hpp"

#include <algorithm>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "core/digest/sha256.hpp"

namespace fcvm::snapshot {
namespace {

constexpr off_t kPiece = 64 << 10;

Result<std::size_t> read_piece(int file, off_t at, std::vector<char>& piece) {
  std::size_t filled = 0;
  while (filled < piece.size()) {
    const ssize_t count = ::pread(file, piece.data() + filled, piece.size() - filled,
                                  at + static_cast<off_t>(filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("reading it");
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

bool is_zero(const std::vector<char>& piece, std::size_t size) {
  return size == 0 || (piece[0] == 0 && std::memcmp(piece.data(), piece.data() + 1, size - 1) == 0);
}

}  // namespace

Result<std::string> content_digest(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return fail_errno("looking at it");
  digest::Sha256 digest;
  digest.add(std::to_string(status.st_size) + '\n');
  std::vector<char> piece(kPiece);
  for (off_t at = 0; at < status.st_size; at += kPiece) {
    const off_t data = ::lseek(file, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole to the end
    if (data > at) at = data / kPiece * kPiece;
    const auto size = FCVM_TRY(read_piece(file, at, piece));
    if (is_zero(piece, size)) continue;
    digest.add(std::to_string(at / kPiece) + '\n').add({piece.data(), size});
  }
  return digest.text();
}

}  // namespace fcvm::snapshot
