// image.overlay: images unpacked once, into a disk that every VM has read-only as an additional
// image store of podman's.
#include "plugins/image/common/store_plugin.hpp"
#include "plugins/image/overlay/record.hpp"

namespace fcvm {

/// Without a journal, which a file system that is never written again needs not, and cut to its
/// minimal size.
constexpr archive::StoreKind kOverlay = {
    ".ext4",
    "ext4",
    "overlay",
    R"sh(mke2fs -q -F -t ext4 -b 4096 -i 2048 -m 0 -O ^has_journal,^resize_inode \
  -E lazy_itable_init=1,nodiscard -L fcvm-store "$disk"
mount -t ext4 -o noatime,init_itable=0,noinit_itable "$disk" "$store")sh",
    overlay::kRecord,
    R"sh(e2fsck -fy "$disk" >&2 || test $? -eq 1
resize2fs "$disk" >&2
mount -t ext4 -o noatime,init_itable=0,noinit_itable "$disk" "$store"
rm -rf "$store/fcvm-start"
)sh",
    R"sh(e2fsck -fy "$disk" >&2 || test $? -eq 1
resize2fs -M "$disk" >&2
blocks=$(dumpe2fs -h "$disk" 2>/dev/null | sed -n 's/^Block count: *//p')
echo "bytes $((blocks * 4096))")sh"};

class OverlayPlugin : public archive::StorePlugin {
 public:
  static constexpr Info kInfo{
      "image.overlay", FCVM_VERSION, "images unpacked once, on a read-only disk that all VMs share",
      FCVM_IMAGE_CAN_SHARE | FCVM_IMAGE_NEEDS_BUILDER | FCVM_IMAGE_CAN_LIST, 60};

  OverlayPlugin(const Host& host, Options options)
      : StorePlugin(host, std::move(options), kInfo.id, kOverlay, FCVM_GUEST_MOUNT_STORE,
                    FCVM_DISK_READ_ONLY) {}
};

}  // namespace fcvm

FCVM_EXPORT_PLUGIN(fcvm::OverlayPlugin);
