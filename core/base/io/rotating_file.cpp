// See rotating_file.hpp.
#include "core/base/io/rotating_file.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace fcvm::base {
namespace {

struct CloseListing {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// The number behind "NAME.", or 0.
std::uint64_t part_number(std::string_view file, std::string_view name) {
  if (!file.starts_with(name) || file.size() < name.size() + 2 || file[name.size()] != '.')
    return 0;
  const auto digits = file.substr(name.size() + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number : 0;
}

std::string last_bytes_of_file(int directory, const std::string& name, std::size_t size) {
  const Fd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  const off_t from = std::max<off_t>(0, info.st_size - static_cast<off_t>(size));
  std::string bytes(size, '\0');
  const ssize_t count = ::pread(file.get(), bytes.data(), bytes.size(), from);
  bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return bytes;
}

}  // namespace

std::string part_name(const std::string& name, std::uint64_t number) {
  return name + "." + std::to_string(number);
}

Result<std::vector<std::uint64_t>> parts_of(int directory, const std::string& name) {
  // A descriptor of its own: the position in a directory is shared by copies.
  const int own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0 && errno == ENOENT) return std::vector<std::uint64_t>();  // it was removed
  const std::unique_ptr<DIR, CloseListing> listing(own < 0 ? nullptr : ::fdopendir(own));
  if (listing == nullptr) return fail_errno("listing the parts of " + name);
  std::vector<std::uint64_t> numbers;
  while (const dirent* entry = ::readdir(listing.get())) {
    if (const auto number = part_number(entry->d_name, name); number != 0) {
      numbers.push_back(number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<RotatingFile> RotatingFile::open(int directory, std::string name, Limits limits) {
  Fd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return fail_errno("opening the directory of " + name);
  RotatingFile file(std::move(own), std::move(name), limits);
  file.parts_ = FCVM_TRY(parts_of(file.directory_.get(), file.name_));
  file.last_part_ = file.parts_.empty() ? 0 : file.parts_.back();
  FCVM_TRY(file.open_current());
  return file;
}

Result<void> RotatingFile::open_current() {
  fd_ = FCVM_TRY(open_at(directory_.get(), name_,
                         O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) return fail_errno("looking at " + name_);
  // It may lie where a VMM can put what it likes.
  if (!S_ISREG(info.st_mode)) return fail(EINVAL, name_ + " is not a file");
  size_ = static_cast<std::uint64_t>(info.st_size);
  return {};
}

/// When this fails (a full disk), the next try goes on where it came to: then there is no file of
/// this name.
Result<void> RotatingFile::rotate() {
  const int at = directory_.get();
  if (limits_.max_files > 1) {
    const auto full = part_name(name_, last_part_ + 1);
    if (::renameat(at, name_.c_str(), at, full.c_str()) == 0) {
      parts_.push_back(++last_part_);
    } else if (errno != ENOENT) {
      return fail_errno("renaming " + name_);
    }
  } else if (::unlinkat(at, name_.c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno("removing " + name_);
  }
  while (parts_.size() >= std::max(limits_.max_files, 1U) && !parts_.empty()) {
    const auto oldest = part_name(name_, parts_.front());
    if (::unlinkat(at, oldest.c_str(), 0) != 0 && errno != ENOENT) {
      return fail_errno("removing " + oldest);
    }
    parts_.erase(parts_.begin());
  }
  return open_current();
}

Result<void> RotatingFile::append(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (size_ > 0 && size_ + bytes.size() > limits_.max_size) FCVM_TRY(rotate());
  auto written = write_all(fd_.get(), bytes) | context("writing " + name_);
  if (written) {
    size_ += bytes.size();
    return {};
  }
  // Half a line would spoil the next one; this writer is the only one.
  if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
    return unexpected(std::move(written).error().context("and what was written stays"));
  }
  return written;
}

std::string last_bytes_of(int directory, const std::string& name, std::size_t size) {
  std::string bytes = last_bytes_of_file(directory, name, size);
  const auto parts = parts_of(directory, name);
  if (bytes.size() == size || !parts || parts->empty()) return bytes;
  return last_bytes_of_file(directory, part_name(name, parts->back()), size - bytes.size()) + bytes;
}

}  // namespace fcvm::base
