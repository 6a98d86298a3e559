// See mapped_region.hpp.
#include "core/base/io/mapped_region.hpp"

#include <cstdint>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace fcvm::base {

namespace {

Result<void*> map(std::size_t size, int protection, int flags, int fd, off_t offset,
                  const std::string& what) {
  void* address = ::mmap(nullptr, size, protection, flags, fd, offset);
  if (address == MAP_FAILED) {
    return fail_errno("mapping " + std::to_string(size) + " bytes of " + what);
  }
  return address;
}

Result<void> check_long_enough(int fd, std::size_t size, off_t offset) {
  struct stat file {};
  if (::fstat(fd, &file) != 0) return fail_errno("looking at fd " + std::to_string(fd));
  if (!S_ISREG(file.st_mode)) return {};
  const auto length = static_cast<std::uint64_t>(file.st_size);
  if (offset >= 0 && size <= length && static_cast<std::uint64_t>(offset) <= length - size) {
    return {};
  }
  return fail(EINVAL, "mapping " + std::to_string(size) + " bytes at " + std::to_string(offset) +
                          " of fd " + std::to_string(fd) + ": the file has only " +
                          std::to_string(length));
}

}  // namespace

Result<MappedRegion> MappedRegion::map_file(int fd, std::size_t size, Access access,
                                            Sharing sharing, off_t offset) {
  FCVM_TRY(check_long_enough(fd, size, offset));
  const int protection = access == Access::kReadOnly ? PROT_READ : PROT_READ | PROT_WRITE;
  const int flags = sharing == Sharing::kPrivate ? MAP_PRIVATE : MAP_SHARED;
  void* address = FCVM_TRY(map(size, protection, flags, fd, offset, "fd " + std::to_string(fd)));
  return MappedRegion(address, size, Fd());
}

Result<MappedRegion> MappedRegion::anonymous(std::size_t size) {
  void* address = FCVM_TRY(
      map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "anonymous memory"));
  return MappedRegion(address, size, Fd());
}

Result<MappedRegion> MappedRegion::memfd(const std::string& name, std::size_t size) {
  Fd fd(::memfd_create(name.c_str(), MFD_CLOEXEC));
  if (!fd) return fail_errno("making memfd " + name);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return fail_errno("sizing memfd " + name + " to " + std::to_string(size) + " bytes");
  }
  void* address =
      FCVM_TRY(map(size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0, "memfd " + name));
  return MappedRegion(address, size, std::move(fd));
}

MappedRegion::MappedRegion(MappedRegion&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      memfd_(std::move(other.memfd_)) {}

MappedRegion& MappedRegion::operator=(MappedRegion&& other) noexcept {
  if (this == &other) return *this;
  (void)unmap();
  address_ = std::exchange(other.address_, nullptr);
  size_ = std::exchange(other.size_, 0);
  memfd_ = std::move(other.memfd_);
  return *this;
}

MappedRegion::~MappedRegion() { (void)unmap(); }

Result<void> MappedRegion::unmap() {
  if (address_ == nullptr) return {};
  void* address = std::exchange(address_, nullptr);
  const std::size_t size = std::exchange(size_, 0);
  memfd_ = Fd();
  if (::munmap(address, size) != 0) return fail_errno("unmapping memory");
  return {};
}

}  // namespace fcvm::base
