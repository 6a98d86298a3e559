// See pack.hpp.
#include "core/copy/pack.hpp"

#include <algorithm>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"

namespace fcvm::copy {
namespace {

constexpr std::size_t kPiece = 256 << 10;
/// Of a file that the kernel makes up while it is read.
constexpr std::size_t kLargestMadeUp = 16 << 20;

bool is_of_kernel(int fd) {
  struct statfs file_system {};
  if (::fstatfs(fd, &file_system) != 0) return false;
  const auto type = static_cast<unsigned long>(file_system.f_type);
  return type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC || type == CGROUP2_SUPER_MAGIC ||
         type == CGROUP_SUPER_MAGIC;
}

// In order, so that the same tree gives the same archive.
Result<std::vector<std::string>> names_in(int directory) {
  base::Fd again = FCVM_TRY(base::open_at(directory, ".", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(again.get()), ::closedir);
  if (!listing) return fail_errno("listing a directory");
  static_cast<void>(again.release());
  std::vector<std::string> names;
  for (errno = 0; const dirent* entry = ::readdir(listing.get());) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return fail_errno("listing a directory");
  std::sort(names.begin(), names.end());
  return names;
}

// Where the file has data; nothing for one without holes, and for one that cannot tell.
std::vector<tar::Extent> find_extents(int file, const struct stat& status) {
  const auto size = status.st_size;
  std::vector<tar::Extent> extents;
  if (static_cast<off_t>(status.st_blocks) * 512 >= size) return extents;
  for (off_t at = 0; at < size;) {
    const off_t data = ::lseek(file, at, SEEK_DATA);
    if (data < 0 && errno != ENXIO) return {};
    if (data < 0 || data >= size) break;
    off_t hole = ::lseek(file, data, SEEK_HOLE);
    if (hole < 0) return {};
    hole = extents.size() + 1 == tar::kMostExtents ? size : std::min(hole, size);
    extents.push_back({static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(hole - data)});
    at = hole;
  }
  // GNU tar ends a map so, where the file ends with a hole.
  if (extents.empty() || extents.back().offset + extents.back().size < std::uint64_t(size)) {
    if (extents.size() < tar::kMostExtents)
      extents.push_back({static_cast<std::uint64_t>(size), 0});
  }
  return extents;
}

class Packer {
 public:
  Packer(tar::Writer& writer, const Warn& warn)
      : writer_(writer), warn_(warn), piece_(std::make_unique_for_overwrite<char[]>(kPiece)) {}

  Result<void> pack_directory(int directory, const std::string& name) {
    struct stat status {};
    if (::fstat(directory, &status) != 0) return fail_errno("reading " + name);
    FCVM_TRY(writer_.begin(entry_of(name, tar::Kind::kDirectory, status)));
    if (is_of_kernel(directory)) return {};
    for (const auto& leaf : FCVM_TRY(names_in(directory) | context("reading " + name))) {
      FCVM_TRY(pack_leaf(directory, leaf, name + "/" + leaf));
    }
    return {};
  }

  Result<void> pack_file(int file, const std::string& name, const struct stat& status) {
    tar::Entry entry = entry_of(name, tar::Kind::kFile, status);
    if (is_known_link(entry, status)) return writer_.begin(entry);
    if (is_of_kernel(file)) return pack_made_up(file, std::move(entry));
    entry.size = static_cast<std::uint64_t>(status.st_size);
    entry.extents = find_extents(file, status);
    entry.sparse = !entry.extents.empty();
    FCVM_TRY(writer_.begin(entry));
    if (!entry.sparse) return write_stretch(file, {0, entry.size}, name);
    for (const auto& extent : entry.extents) FCVM_TRY(write_stretch(file, extent, name));
    return {};
  }

  [[nodiscard]] Result<void> outcome() const {
    if (shrunk_.empty()) return {};
    return fail(ESTALE, shrunk_ + " became shorter while it was read; zeros stand for the rest");
  }

 private:
  static tar::Entry entry_of(const std::string& name, tar::Kind kind, const struct stat& status) {
    tar::Entry entry;
    entry.name = name;
    entry.kind = kind;
    entry.mode = status.st_mode & 07777;
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
    entry.mtime_s = status.st_mtim.tv_sec;
    entry.mtime_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
    return entry;
  }

  // Its size is known when it was read, and what stat() says of it is wrong.
  Result<void> pack_made_up(int file, tar::Entry entry) {
    std::string text;
    for (;;) {
      const std::size_t got = FCVM_TRY(base::read_some(file, {piece_.get(), kPiece}) |
                                       context("reading " + entry.name));
      if (got == 0) break;
      text.append(piece_.get(), got);
      if (text.size() > kLargestMadeUp) {
        return fail(EFBIG, entry.name + " is a file of the kernel's with more than 16 MiB");
      }
    }
    entry.size = text.size();
    FCVM_TRY(writer_.begin(entry));
    return writer_.write(text);
  }

  // The second name of a file is a link to the first.
  bool is_known_link(tar::Entry& entry, const struct stat& status) {
    if (status.st_nlink < 2) return false;
    const auto [known, added] = linked_.try_emplace({status.st_dev, status.st_ino}, entry.name);
    if (added) return false;
    entry.kind = tar::Kind::kHardLink;
    entry.link = known->second;
    return true;
  }

  Result<void> pack_leaf(int directory, const std::string& leaf, const std::string& name) {
    struct stat status {};
    if (::fstatat(directory, leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};  // removed since it was listed
      return fail_errno("reading " + name);
    }
    if (S_ISDIR(status.st_mode)) {
      const auto inner =
          FCVM_TRY(base::open_at(directory, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) |
                   context("reading " + name));
      return pack_directory(inner.get(), name);
    }
    if (S_ISREG(status.st_mode)) {
      const auto file =
          FCVM_TRY(base::open_at(directory, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) |
                   context("reading " + name));
      if (::fstat(file.get(), &status) != 0) return fail_errno("reading " + name);
      if (S_ISREG(status.st_mode)) return pack_file(file.get(), name, status);
    }
    return pack_special(directory, leaf, name, status);
  }

  Result<void> pack_special(int directory, const std::string& leaf, const std::string& name,
                            const struct stat& status) {
    if (S_ISSOCK(status.st_mode)) {
      warn_(name + " is a socket, and left out");
      return {};
    }
    tar::Entry entry = entry_of(name, tar::Kind::kFifo, status);
    if (S_ISLNK(status.st_mode)) {
      char target[PATH_MAX];
      const ssize_t size = ::readlinkat(directory, leaf.c_str(), target, sizeof target);
      if (size < 0) return fail_errno("reading " + name);
      entry.kind = tar::Kind::kSymlink;
      entry.link.assign(target, static_cast<std::size_t>(size));
    } else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      entry.kind = S_ISCHR(status.st_mode) ? tar::Kind::kCharDevice : tar::Kind::kBlockDevice;
      entry.device_major = major(status.st_rdev);
      entry.device_minor = minor(status.st_rdev);
    }
    return writer_.begin(entry);
  }

  // Exactly as many bytes as its header says, whatever happens to the file meanwhile.
  Result<void> write_stretch(int file, tar::Extent extent, const std::string& name) {
    while (extent.size > 0) {
      const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(extent.size, kPiece));
      ssize_t got = ::pread(file, piece_.get(), most, static_cast<off_t>(extent.offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno("reading " + name);
      if (got == 0) {
        shrunk_ = name;
        std::fill_n(piece_.get(), most, '\0');
        got = static_cast<ssize_t>(most);
      }
      FCVM_TRY(writer_.write({piece_.get(), static_cast<std::size_t>(got)}));
      extent.offset += static_cast<std::uint64_t>(got);
      extent.size -= static_cast<std::uint64_t>(got);
    }
    return {};
  }

  tar::Writer& writer_;
  const Warn& warn_;
  std::unique_ptr<char[]> piece_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  std::string shrunk_;
};

}  // namespace

bool means_contents(const std::string& path) { return path == "." || path.ends_with("/."); }

Result<void> pack(const std::string& path, const std::string& name, tar::Writer& writer,
                  const Warn& warn) {
  // Non-blocking, for the case that it is a FIFO: that is found out, and not waited for.
  const base::Fd source = FCVM_TRY(base::open_file(path, O_RDONLY | O_NONBLOCK));
  struct stat status {};
  if (::fstat(source.get(), &status) != 0) return fail_errno("reading " + path);
  Packer packer(writer, warn);
  if (S_ISDIR(status.st_mode)) {
    FCVM_TRY(packer.pack_directory(source.get(), name));
  } else if (!S_ISREG(status.st_mode)) {
    return fail(EINVAL, path + " is neither a file nor a directory");
  } else if (path.ends_with('/') || name == ".") {
    return fail(ENOTDIR, path + " is not a directory");
  } else {
    FCVM_TRY(packer.pack_file(source.get(), name, status));
  }
  FCVM_TRY(writer.finish());
  return packer.outcome();
}

}  // namespace fcvm::copy
