// image.btrfs: images unpacked once, into a btrfs of which every VM has a copy of its own as
// podman's storage.
#include "plugins/image/common/store_plugin.hpp"

namespace fcvm {

/// The disk keeps its size: it has holes for whatever the container will write.
constexpr archive::StoreKind kBtrfs = {
    ".btrfs",
    "btrfs",
    "btrfs",
    R"sh(mkfs.btrfs -q -f -m single -d single -L fcvm-store "$disk"
mount -t btrfs -o noatime "$disk" "$store")sh",
    "",
    "",
    R"sh(echo "bytes $(blockdev --getsize64 "$disk")")sh"};

class BtrfsPlugin : public archive::StorePlugin {
 public:
  static constexpr Info kInfo{
      "image.btrfs", FCVM_VERSION, "images unpacked once, on a btrfs that each VM has a copy of",
      FCVM_IMAGE_CAN_SHARE | FCVM_IMAGE_NEEDS_BUILDER | FCVM_IMAGE_CAN_LIST, 40};

  BtrfsPlugin(const Host& host, Options options)
      : StorePlugin(host, std::move(options), kInfo.id, kBtrfs, FCVM_GUEST_USE_STORE_DISK, 0) {}
};

}  // namespace fcvm

FCVM_EXPORT_PLUGIN(fcvm::BtrfsPlugin);
