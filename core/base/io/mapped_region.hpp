// MappedRegion: owns a range of mapped memory, and the memfd behind it when it made one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::base {

class MappedRegion {
 public:
  enum class Access { kReadOnly, kReadWrite };
  enum class Sharing { kPrivate, kShared };

  /// Maps `size` bytes from `offset` (a multiple of the page size). Fails with EINVAL when a
  /// regular file is shorter, since touching what lies beyond its end would kill the process. The
  /// descriptor is borrowed and may be closed after.
  static Result<MappedRegion> map_file(int fd, std::size_t size, Access access, Sharing sharing,
                                       off_t offset = 0);
  /// Zeroed memory of this process alone.
  static Result<MappedRegion> anonymous(std::size_t size);
  /// Zeroed shared memory with a descriptor, fd(), to hand to another process.
  static Result<MappedRegion> memfd(const std::string& name, std::size_t size);

  MappedRegion() noexcept = default;
  MappedRegion(MappedRegion&& other) noexcept;
  MappedRegion& operator=(MappedRegion&& other) noexcept;
  MappedRegion(const MappedRegion&) = delete;
  MappedRegion& operator=(const MappedRegion&) = delete;
  ~MappedRegion();

  [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(address_); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data(), size_}; }
  /// The memfd, or -1 for a region of another kind.
  [[nodiscard]] int fd() const noexcept { return memfd_.get(); }

  /// Unmaps now; the memfd goes too.
  Result<void> unmap();

 private:
  MappedRegion(void* address, std::size_t size, Fd memfd)
      : address_(address), size_(size), memfd_(std::move(memfd)) {}

  void* address_ = nullptr;
  std::size_t size_ = 0;
  Fd memfd_;
};

}  // namespace fcvm::base
