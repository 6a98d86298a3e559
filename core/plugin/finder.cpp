#include "core/plugin/finder.hpp"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>

#include <fmt/core.h>

#include "core/base/io/file.hpp"
#include "core/elf/elf.hpp"

namespace fcvm::plugin {
namespace {

namespace fs = std::filesystem;

std::string_view machine_name(unsigned machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    case EM_386:
      return "i386";
    case EM_ARM:
      return "arm";
    case EM_RISCV:
      return "riscv";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390";
    default:
      return "another machine";
  }
}

#if defined(__x86_64__)
constexpr unsigned kThisMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kThisMachine = EM_AARCH64;
#else
#error "fcvm runs on x86-64 and aarch64"
#endif

/// The loader maps a truncated object happily and dies of SIGBUS later, so look first.
Result<void> check_object(int fd, std::uint64_t file_size) {
  std::string head(std::min<std::uint64_t>(file_size, elf::kHeaderSize), '\0');
  FCVM_TRY(base::read_exact(fd, head));
  if (!elf::is_elf(head)) {
    return fail(ENOEXEC, "is not an ELF object", "put only plugins into a plugin directory");
  }
  if (const auto machine = elf::machine_of(head); machine && *machine != kThisMachine) {
    return fail(ENOEXEC,
                fmt::format("is built for {}, this machine is {}", machine_name(*machine),
                            machine_name(kThisMachine)),
                "install the plugin's package for this architecture");
  }
  const auto header = elf::read_header(head, file_size);
  if (!header) {
    return fail(ENOEXEC, fmt::format("cannot be loaded: {}", header.error().message()),
                "build or copy the plugin again");
  }
  if (header->e_type != ET_DYN) return fail(ENOEXEC, "is not a shared object");
  return {};
}

/// Root, also where this is a user namespace in which the host's root has no number.
bool is_root(uid_t uid) {
  if (uid == 0) return true;
  constexpr uid_t kOverflow = 65534;
  if (uid != kOverflow) return false;
  const auto map = base::read_file("/proc/self/uid_map", 4096);
  return map && map->find("4294967295") == std::string::npos;
}

/// A group may write where the user runs the plugin, since it is mostly the user's own; for root it
/// has to be root's.
Result<void> check_owner(const struct stat& info, const std::string& path, uid_t owner) {
  if ((info.st_mode & S_IWOTH) != 0) {
    return fail(EPERM, "is writable by everybody, so anybody could run code as you",
                fmt::format("chmod o-w {}", path));
  }
  if (!is_root(info.st_uid) && info.st_uid != owner) {
    return fail(EPERM, fmt::format("belongs to user {}, who could run code as you", info.st_uid),
                fmt::format("chown {} {}", owner, path));
  }
  if (owner == 0 && info.st_gid != 0 && (info.st_mode & S_IWGRP) != 0) {
    return fail(EPERM,
                fmt::format("is writable by group {}, which could run code as root", info.st_gid),
                fmt::format("chmod g-w {}", path));
  }
  return {};
}

Result<fs::path> without_links(const fs::path& path) {
  std::error_code error;
  fs::path whole = fs::canonical(path, error);
  if (error) return fail(error.value(), "cannot be found: " + error.message());
  return whole;
}

/// Whoever may rename a directory on the way could put another file into the place of this one.
/// `directory` is without links.
Result<void> check_directories(const fs::path& directory, uid_t owner) {
  for (fs::path at = directory;; at = at.parent_path()) {
    struct stat info {};
    if (::stat(at.c_str(), &info) != 0) return fail_errno("lies in " + at.string());
    // In a directory such as /tmp, only owners rename what is theirs.
    const bool sticky = (info.st_mode & S_ISVTX) != 0 && is_root(info.st_uid);
    auto kept = sticky ? Result<void>() : check_owner(info, at.string(), owner);
    if (!kept) {
      return fail(EPERM, fmt::format("lies in {}, which {}", at.string(), kept.error().message()),
                  kept.error().remedy());
    }
    if (at == at.root_path()) return {};
  }
}

/// Who makes a link chooses which file is loaded.
Result<void> check_link(const fs::path& path, uid_t owner) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return fail_errno("cannot be looked at");
  if (!S_ISLNK(info.st_mode)) return {};
  if (!is_root(info.st_uid) && info.st_uid != owner) {
    return fail(EPERM, fmt::format("is a link of user {}, who could run code as you", info.st_uid),
                fmt::format("rm {}", path.string()));
  }
  const fs::path parent = path.parent_path();
  return check_directories(FCVM_TRY(without_links(parent.empty() ? "." : parent)), owner);
}

std::vector<fs::path> split_path(std::string_view text) {
  std::vector<fs::path> directories;
  while (!text.empty()) {
    const auto colon = text.find(':');
    if (colon != 0) directories.emplace_back(text.substr(0, colon));
    text = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  }
  return directories;
}

std::vector<fs::path> objects_in(const fs::path& directory) {
  std::vector<fs::path> objects;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".so") objects.push_back(entry.path());
  }
  std::sort(objects.begin(), objects.end());
  return objects;
}

}  // namespace

Result<fs::path> check_file(const fs::path& path, uid_t owner) {
  const auto told = [&](Unexpected failure) {
    return unexpected(Error(failure.error().code(),
                            fmt::format("plugin {} {}", path.string(), failure.error().message()),
                            failure.error().remedy()));
  };
  auto whole = without_links(path);
  if (!whole) return told(unexpected(std::move(whole).error()));
  const base::Fd fd = FCVM_TRY(base::open_file(whole->string(), O_RDONLY | O_NONBLOCK) |
                               context("opening a plugin"));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("examining plugin " + path.string());
  if (!S_ISREG(info.st_mode)) return told(fail(EINVAL, "is not a regular file"));
  auto kept = check_owner(info, path.string(), owner);
  if (kept) kept = check_link(path, owner);
  if (kept) kept = check_directories(whole->parent_path(), owner);
  if (!kept) return told(unexpected(std::move(kept).error()));
  auto checked = check_object(fd.get(), static_cast<std::uint64_t>(info.st_size));
  if (!checked) return told(unexpected(std::move(checked).error()));
  return *std::move(whole);
}

std::vector<Candidate> find_plugins(const SearchPath& search) {
  std::vector<fs::path> directories = search.configured;
  for (auto& directory : split_path(search.environment))
    directories.push_back(std::move(directory));
  if (!search.installed.empty()) directories.push_back(search.installed);

  std::vector<Candidate> candidates;
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const auto& directory : directories) {
    for (auto& path : objects_in(directory)) {
      struct stat info {};
      if (::stat(path.c_str(), &info) == 0 && !seen.emplace(info.st_dev, info.st_ino).second) {
        continue;
      }
      auto checked = check_file(path);
      if (checked) {
        candidates.push_back({*std::move(checked), std::nullopt});
      } else {
        candidates.push_back({std::move(path), std::move(checked).error()});
      }
    }
  }
  return candidates;
}

}  // namespace fcvm::plugin
