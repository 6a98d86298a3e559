// See unpack.hpp.
#include "core/copy/unpack.hpp"

#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <tuple>
#include <unistd.h>

#include "core/base/io/file.hpp"

namespace fcvm::copy {
namespace {

struct Times {
  timespec values[2];
};

Times times_of(const tar::Entry& entry) {
  const timespec modified{static_cast<time_t>(entry.mtime_s), static_cast<long>(entry.mtime_ns)};
  return {{{0, UTIME_OMIT}, modified}};
}

bool lies_in(const std::string& name, const std::string& directory) {
  return name.size() > directory.size() && name[directory.size()] == '/' &&
         name.starts_with(directory);
}

Unexpected failed(const char* doing, const std::string& name) {
  return fail_errno(std::string(doing) + " " + name);
}

}  // namespace

Unpacker::Unpacker(base::Fd directory, UnpackRules rules, Warn warn)
    : tree_(std::move(directory), rules.links), rules_(rules), warn_(std::move(warn)), begun_{} {
  ::clock_gettime(CLOCK_REALTIME_COARSE, &begun_);
}

std::optional<std::pair<uid_t, gid_t>> Unpacker::owner_of(const tar::Entry& entry) const {
  if (rules_.keep_owner) return std::pair(entry.uid, entry.gid);
  return rules_.owner;
}

mode_t Unpacker::mode_of(const tar::Entry& entry) const {
  return entry.mode & (rules_.trusted ? 07777 : 0777) & ~rules_.umask;
}

Result<void> Unpacker::put(const tar::Entry& entry, const std::string& name,
                           const std::string& link, tar::Reader& reader) {
  FCVM_TRY(leave_directories(name));
  if (name.empty()) {
    if (entry.kind == tar::Kind::kDirectory) return {};
    return fail(EPERM, "an entry that is not a directory has no name");
  }
  if (entry.kind == tar::Kind::kHardLink) return put_link(entry, name, link);
  const Beneath::Place place = FCVM_TRY(tree_.find(name, true));
  switch (entry.kind) {
    case tar::Kind::kDirectory:
      return put_directory(entry, name, place);
    case tar::Kind::kFile:
      return put_file(entry, name, place, reader);
    default:
      return put_special(entry, name, place);
  }
}

// Directories are left in the order in which a tree is walked, so this holds as many as it is deep.
Result<void> Unpacker::leave_directories(const std::string& next) {
  while (!open_.empty() && !lies_in(next, open_.back().name)) {
    const OpenDirectory left = std::move(open_.back());
    open_.pop_back();
    const Beneath::Place place = FCVM_TRY(tree_.find(left.name, false));
    FCVM_TRY(set_attributes(left.entry, left.name, place));
  }
  return {};
}

Result<void> Unpacker::put_directory(const tar::Entry& entry, const std::string& name,
                                     const Beneath::Place& place) {
  if (tree_.is_directory(place)) return {};  // it is its owner's, mode and all
  if (::mkdirat(place.parent, place.leaf.c_str(), 0700) != 0) {
    if (errno != EEXIST) return failed("making the directory", name);
    if (!rules_.overwrite) {
      return fail(EEXIST, name + " exists, and is not a directory", "replace it with --overwrite");
    }
    if (::unlinkat(place.parent, place.leaf.c_str(), 0) != 0) return failed("replacing", name);
    if (::mkdirat(place.parent, place.leaf.c_str(), 0700) != 0) {
      return failed("making the directory", name);
    }
  }
  open_.push_back({name, entry});
  return {};
}

// Removes what stands where something else than a directory is to be. EBUSY: it is mounted on.
Result<void> Unpacker::make_way(const std::string& name, const Beneath::Place& place) {
  if (::unlinkat(place.parent, place.leaf.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR) return failed("replacing", name);
  if (!rules_.overwrite) {
    return fail(EISDIR, name + " exists, and is a directory", "replace it with --overwrite");
  }
  return base::remove_tree_at(place.parent, place.leaf);
}

// Always a file of its own: what was there may be linked to from elsewhere, or be open.
Result<base::Fd> Unpacker::create_file(const std::string& name, const Beneath::Place& place) {
  constexpr int kFlags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  auto way = make_way(name, place);
  if (!way && way.error().code() == EBUSY) {
    // Such as a container's /etc/hosts: it can only be written into.
    base::Fd file(::openat(place.parent, place.leaf.c_str(), kFlags | O_TRUNC));
    if (!file) return failed("writing", name);
    return file;
  }
  FCVM_TRY(std::move(way));
  base::Fd file(::openat(place.parent, place.leaf.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
  if (!file) return failed("making", name);
  return file;
}

Result<void> Unpacker::write_data(int file, const tar::Entry& entry, const std::string& name,
                                  tar::Reader& reader) {
  for (;;) {
    tar::Reader::Piece piece = FCVM_TRY(reader.read());
    if (piece.bytes.empty()) break;
    while (!piece.bytes.empty()) {
      const ssize_t wrote =
          ::pwrite(file, piece.bytes.data(), piece.bytes.size(), static_cast<off_t>(piece.offset));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return failed("writing", name);
      piece.bytes.remove_prefix(static_cast<std::size_t>(wrote));
      piece.offset += static_cast<std::uint64_t>(wrote);
    }
  }
  if (entry.sparse && ::ftruncate(file, static_cast<off_t>(entry.size)) != 0) {
    return failed("writing", name);
  }
  return {};
}

Result<void> Unpacker::put_file(const tar::Entry& entry, const std::string& name,
                                const Beneath::Place& place, tar::Reader& reader) {
  base::Fd file = FCVM_TRY(create_file(name, place));
  auto written = write_data(file.get(), entry, name, reader);
  if (written) written = set_file_attributes(file.get(), entry, name);
  // NFS and quotas tell here.
  if (written) written = file.close();
  // A part of a file is worse than none.
  if (!written) ::unlinkat(place.parent, place.leaf.c_str(), 0);
  return written;
}

// Else whoever writes to the new name later would change a file that was no part of the copy.
Result<void> Unpacker::refuse_older(int parent, const std::string& leaf,
                                    const std::string& name) const {
  struct stat status {};
  if (::fstatat(parent, leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed("linking to", name);
  }
  const timespec& changed = status.st_ctim;
  const bool older =
      std::tie(changed.tv_sec, changed.tv_nsec) < std::tie(begun_.tv_sec, begun_.tv_nsec);
  if (rules_.trusted || !older) return {};
  return fail(EPERM, "a link leads to " + name + ", which was there before the copy");
}

// linkat() follows no link at its source, so this, too, stays inside.
Result<void> Unpacker::put_link(const tar::Entry& entry, const std::string& name,
                                const std::string& link) {
  const Beneath::Place from = FCVM_TRY(tree_.find(link, false));
  const base::Fd from_parent = FCVM_TRY(base::open_at(from.parent, ".", O_PATH | O_DIRECTORY));
  const std::string from_leaf = from.leaf;
  const Beneath::Place to = FCVM_TRY(tree_.find(name, true));
  if (link == name) return fail(EPERM, name + " is a link to itself");
  FCVM_TRY(refuse_older(from_parent.get(), from_leaf, entry.link));
  FCVM_TRY(make_way(name, to));
  if (::linkat(from_parent.get(), from_leaf.c_str(), to.parent, to.leaf.c_str(), 0) != 0) {
    return failed(("linking " + entry.link + " to").c_str(), name);
  }
  return {};
}

Result<void> Unpacker::put_special(const tar::Entry& entry, const std::string& name,
                                   const Beneath::Place& place) {
  const bool device = entry.kind == tar::Kind::kCharDevice || entry.kind == tar::Kind::kBlockDevice;
  if (entry.kind != tar::Kind::kSymlink && !rules_.trusted) {
    warn_(name + (device ? " is a device" : " is a FIFO") + ", and left out");
    return {};
  }
  FCVM_TRY(make_way(name, place));
  if (entry.kind == tar::Kind::kSymlink) {
    if (::symlinkat(entry.link.c_str(), place.parent, place.leaf.c_str()) != 0) {
      return failed("making the link", name);
    }
    return set_attributes(entry, name, place);
  }
  const mode_t type = !device ? S_IFIFO : entry.kind == tar::Kind::kCharDevice ? S_IFCHR : S_IFBLK;
  const dev_t number = device ? makedev(entry.device_major, entry.device_minor) : 0;
  if (::mknodat(place.parent, place.leaf.c_str(), type | 0600, number) != 0) {
    return failed("making", name);
  }
  return set_attributes(entry, name, place);
}

// The owner first: changing it clears the set-id bits.
Result<void> Unpacker::set_file_attributes(int file, const tar::Entry& entry,
                                           const std::string& name) {
  if (const auto owner = owner_of(entry)) {
    if (::fchown(file, owner->first, owner->second) != 0) return failed("giving away", name);
  }
  if (::fchmod(file, mode_of(entry)) != 0) return failed("setting the mode of", name);
  if (::futimens(file, times_of(entry).values) != 0) return failed("setting the time of", name);
  return {};
}

// Of what we just made; a link has no mode.
Result<void> Unpacker::set_attributes(const tar::Entry& entry, const std::string& name,
                                      const Beneath::Place& place) {
  const char* leaf = place.leaf.c_str();
  if (const auto owner = owner_of(entry)) {
    if (::fchownat(place.parent, leaf, owner->first, owner->second, AT_SYMLINK_NOFOLLOW) != 0) {
      return failed("giving away", name);
    }
  }
  if (entry.kind == tar::Kind::kDirectory) {
    // Through a descriptor, which the name's exchange for a link cannot lead astray.
    const auto directory =
        FCVM_TRY(base::open_at(place.parent, place.leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (::fchmod(directory.get(), mode_of(entry)) != 0) return failed("setting the mode of", name);
  } else if (entry.kind != tar::Kind::kSymlink) {
    if (::fchmodat(place.parent, leaf, mode_of(entry), 0) != 0) {
      return failed("setting the mode of", name);
    }
  }
  if (::utimensat(place.parent, leaf, times_of(entry).values, AT_SYMLINK_NOFOLLOW) != 0) {
    return failed("setting the time of", name);
  }
  return {};
}

}  // namespace fcvm::copy
