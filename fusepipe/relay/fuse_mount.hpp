// FuseMount: owns a mounted FUSE file system, and takes it off again.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::fusepipe {

/// /dev/fuse, once for each mount. The remedy says how to get it where it is missing.
Result<base::Fd> open_fuse_device();
/// Another queue of the same mount.
Result<base::Fd> clone_fuse_device(int device);

class FuseMount {
 public:
  struct Options {
    bool read_only = false;
    /// A host's own mount has neither; in a guest the directory is the guest's.
    bool allows_devices = false;
    bool allows_set_id = false;
  };

  /// `mountpoint` is a directory. Requests come from `device`, which stays the caller's. Nothing is
  /// answered yet: who looks at the mountpoint waits.
  static Result<FuseMount> create(const std::string& mountpoint, const base::Fd& device,
                                  const Options& options);
  FuseMount(FuseMount&& other) noexcept;
  FuseMount& operator=(FuseMount&&) = delete;
  FuseMount(const FuseMount&) = delete;
  FuseMount& operator=(const FuseMount&) = delete;
  ~FuseMount() { unmount(); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Whatever waits for an answer gets ECONNABORTED, and every read of the device ENODEV. Who still
  /// has a file open keeps a dead one.
  void unmount() noexcept;

 private:
  explicit FuseMount(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty: unmounted
};

}  // namespace fcvm::fusepipe
