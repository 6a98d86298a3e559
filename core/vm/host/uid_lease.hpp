// UidLease: a user of the host's for one VM's VMM alone, while this object lives.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::vm {

/// "3000000000-3000065535".
struct UidRange {
  uid_t first = 0;
  uid_t last = 0;
};
[[nodiscard]] Result<UidRange> parse_uid_range(std::string_view text);

class UidLease {
 public:
  /// One of the range but its first, which is the group of all. `file` is where the leases of the
  /// host are: the kernel's locks on its bytes, which end with their owner, however it ends.
  [[nodiscard]] static Result<UidLease> take(const std::string& file, UidRange range,
                                             const std::string& vm_id);

  [[nodiscard]] uid_t uid() const { return uid_; }

 private:
  UidLease(Fd file, uid_t uid) : file_(std::move(file)), uid_(uid) {}
  Fd file_;
  uid_t uid_;
};

}  // namespace fcvm::vm
