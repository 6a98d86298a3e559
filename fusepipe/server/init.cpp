// See init.hpp.
#include "fusepipe/server/init.hpp"

#include <algorithm>

namespace fcvm::fusepipe {

namespace {

constexpr std::uint32_t kOldestMinor = 36;

std::uint64_t wanted(const ServeOptions& options) {
  std::uint64_t flags = FUSE_ASYNC_READ | FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS |
                        FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_DONT_MASK |
                        FUSE_HAS_IOCTL_DIR | FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS |
                        FUSE_READDIRPLUS_AUTO | FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS |
                        FUSE_POSIX_ACL | FUSE_MAX_PAGES | FUSE_HANDLE_KILLPRIV_V2 |
                        FUSE_SETXATTR_EXT | FUSE_INIT_EXT | kCreateSuppGroup;
  switch (options.cache) {
    case Cache::kNone:
      flags |= kDirectIoAllowMmap;
      break;
    case Cache::kAuto:
      flags |= FUSE_CACHE_SYMLINKS;
      break;
    case Cache::kAlways:
      flags |= FUSE_CACHE_SYMLINKS | FUSE_WRITEBACK_CACHE;
      flags &= ~std::uint64_t{FUSE_AUTO_INVAL_DATA};
      break;
  }
  return flags;
}

}  // namespace

fuse_init_out answer_init(const fuse_init_in& in, const ServeOptions& options) {
  fuse_init_out out{};
  if (in.major != FUSE_KERNEL_VERSION || in.minor < kOldestMinor) return out;
  const std::uint64_t offered = in.flags | std::uint64_t{in.flags2} << 32;
  const std::uint64_t taken = offered & wanted(options);
  out.major = FUSE_KERNEL_VERSION;
  out.minor = std::min<std::uint32_t>(in.minor, FUSE_KERNEL_MINOR_VERSION);
  out.max_readahead = kMaxWrite;
  out.flags = static_cast<std::uint32_t>(taken);
  out.flags2 = static_cast<std::uint32_t>(taken >> 32);
  out.max_background = 64;
  out.congestion_threshold = 48;
  out.max_write = kMaxWrite;
  out.time_gran = 1;
  out.max_pages = kMaxWrite / kPage;
  return out;
}

}  // namespace fcvm::fusepipe
