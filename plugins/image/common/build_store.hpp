// Making a store disk from an archive, in a builder VM: the one place where layers are unpacked.
// Owns nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/host.hpp>

namespace fcvm::archive {

/// A way of keeping images as file systems, in which podman in the guest finds them.
struct StoreKind {
  /// Of a store's file. Another when what is made of the same image changes: an old store is then
  /// not taken for a new one.
  std::string_view suffix;
  const char* file_system;
  const char* driver;  // podman's
  /// Makes the file system on $disk and mounts it on $store.
  const char* make;
  /// What the guest's programs record in $store besides, for this guest's VMs. Empty: nothing.
  const char* record;
  /// Mounts $disk, which has become larger than its file system, on $store: to record anew.
  const char* reopen;
  /// When $store is unmounted again; prints how many bytes of the disk count.
  const char* finish;
};

/// How large a disk has to be, at most, that an archive of this length is unpacked to.
std::uint64_t room_for_store(std::uint64_t archive_bytes);

struct Unpacked {
  std::string name;  // for people
  std::string id;    // "sha256:...": what has to be in the store, or it is none
};

/// Makes the file `store`, which is not there yet.
Result<void> build_store(const Host& host, const StoreKind& kind, const Unpacked& image,
                         const std::string& archive, const std::string& store, const Call& call);

/// Has this guest's programs record in the file `store`, a copy of one that another guest's made.
Result<void> refresh_store(const Host& host, const StoreKind& kind, const Unpacked& image,
                           const std::string& store, const Call& call);

}  // namespace fcvm::archive
