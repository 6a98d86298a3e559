// RestorePlan: the snapshot that a VM begins from, in place of a boot.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace fcvm::vm {

/// What a snapshot's directory has, by name. Disks and parts of the guest are named there as they
/// are in a VM's directory; see machine_files.hpp.
inline constexpr const char* kSnapshotState = "state";
inline constexpr const char* kSnapshotMemory = "memory";
/// What clones used at first, as the memory plugin writes it, whose id follows. It comes later than
/// the manifest and may be missing.
inline constexpr const char* kSnapshotWorkingSet = "working-set.";
/// Held, shared, by whoever uses the snapshot.
inline constexpr const char* kSnapshotLock = ".lock";

/// A disk of the image, as it was given to the VM.
struct ImageDisk {
  std::string format;
  std::uint64_t content_bytes = 0;
  std::uint32_t flags = 0;  // FCVM_DISK_...

  friend bool operator==(const ImageDisk&, const ImageDisk&) = default;
};

struct RestorePlan {
  std::filesystem::path directory;  // of the snapshot; absolute
  std::string id;
  std::string tag;
  std::string vmm_version;  // as the VMM called itself
  std::string snapshot_format;
  std::string image_digest;
  std::vector<ImageDisk> image_disks;
  std::string memory_plugin;  // "memory.file"
  pid_t page_server = 0;      // the process that gives it its memory; 0: its own supervisor
  bool prefetch = true;       // the pages that earlier clones have used
};

}  // namespace fcvm::vm
