// See members.hpp.
#include "plugins/image/common/members.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/printable.hpp"
#include "core/digest/sha256.hpp"
#include "core/tar/header.hpp"
#include "core/tar/reader.hpp"

namespace fcvm::archive {

namespace {

constexpr std::size_t kLargestMember = 1 << 20;
constexpr std::size_t kPiece = 1 << 20;
/// Of all names: an image has three members for each layer, and some hundred layers at most.
constexpr std::size_t kMostNames = 4 << 20;
constexpr std::size_t kOfAName = 128;  // what one takes besides

Unexpected damaged(const std::string& why) { return fail(EBADMSG, "the archive " + why); }

/// Some bytes; 0 at the file's end.
Result<std::size_t> read_some_at(int fd, std::span<char> into, std::uint64_t offset) {
  for (;;) {
    const ssize_t count = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return fail_errno("reading the archive");
  }
}

/// The whole range, or EBADMSG where the file ends within it.
Result<void> read_at(int fd, std::span<char> into, std::uint64_t offset) {
  while (!into.empty()) {
    const std::size_t count = FCVM_TRY(read_some_at(fd, into, offset));
    if (count == 0) return damaged("is cut short");
    into = into.subspan(count);
    offset += count;
  }
  return {};
}

Result<std::uint64_t> file_size_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("looking at the archive");
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

Result<bool> is_tar(int fd) {
  std::array<char, tar::kBlock> block{};
  const auto read = read_at(fd, block, 0);
  if (!read && read.error().code() != EBADMSG) return unexpected(read.error());
  return read && tar::parse_header({block.data(), block.size()}).has_value();
}

Result<Members> Members::find(int fd, const Call& call) {
  const std::uint64_t file_size = FCVM_TRY(file_size_of(fd));
  std::uint64_t at = 0;
  const auto source = [&](std::span<char> into) -> Result<std::size_t> {
    FCVM_TRY(call.check());
    const std::size_t count = FCVM_TRY(read_some_at(fd, into, at));
    at += count;
    return count;
  };
  const auto skip = [&](std::uint64_t count) -> Result<void> {
    FCVM_TRY(call.check());
    if (at > file_size || count > file_size - at) return damaged("is cut short");
    at += count;
    return {};
  };
  tar::Reader reader(source, {.skip = skip, .needs_end_mark = false});
  Members found(fd);
  std::size_t names = 0;
  while (const auto entry = FCVM_TRY(reader.next())) {
    // Documents and layers are never sparse, and the data of what is does not lie in one piece.
    if (entry->sparse) continue;
    names += entry->name.size() + kOfAName;
    if (names > kMostNames) return damaged("has more members than an image");
    const Place place{reader.position(), entry->size};
    if (!found.members_.emplace(entry->name, place).second && entry->size != 0) {
      return damaged("has two members of the name " + base::printable(entry->name));
    }
  }
  return found;
}

Result<Members::Place> Members::place(const std::string& name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) return damaged("has no " + base::printable(name));
  return found->second;
}

Result<std::string> Members::read(const std::string& name) const {
  const Place at = FCVM_TRY(place(name));
  if (at.size > kLargestMember) return fail(EFBIG, "a document in the archive is too large");
  std::string text(at.size, '\0');
  FCVM_TRY(read_at(fd_, text, at.offset));
  return text;
}

Result<std::uint64_t> Members::size(const std::string& name) const {
  return FCVM_TRY(place(name)).size;
}

Result<std::string> Members::digest(const std::string& name, const Call& call,
                                    const Use& use) const {
  const Place at = FCVM_TRY(place(name));
  digest::Sha256 hash;
  std::string piece(kPiece, '\0');
  for (std::uint64_t done = 0; done < at.size; done += piece.size()) {
    FCVM_TRY(call.check());
    piece.resize(std::min<std::uint64_t>(kPiece, at.size - done));
    FCVM_TRY(read_at(fd_, piece, at.offset + done));
    hash.add(piece);
    if (use) FCVM_TRY(use(piece));
  }
  return "sha256:" + hash.text();
}

}  // namespace fcvm::archive
