// See uid_lease.hpp.
#include "core/vm/host/uid_lease.hpp"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <functional>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"

namespace fcvm::vm {

namespace {

/// The largest number is not a user.
constexpr uid_t kLargest = 4'294'967'294;

bool read_number(std::string_view text, uid_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size();
}

bool lock_byte(int fd, off_t at) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = at;
  lock.l_len = 1;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

}  // namespace

Result<UidRange> parse_uid_range(std::string_view text) {
  UidRange range;
  const auto dash = text.find('-');
  const bool numbers = dash != std::string_view::npos &&
                       read_number(text.substr(0, dash), range.first) &&
                       read_number(text.substr(dash + 1), range.last);
  if (numbers && range.first > 0 && range.last > range.first && range.last <= kLargest) {
    return range;
  }
  return fail(EINVAL, fmt::format("jail.uids: \"{}\" is not a range of users", text),
              "write FIRST-LAST, as in 3000000000-3000065535");
}

Result<UidLease> UidLease::take(const std::string& file, UidRange range, const std::string& vm_id) {
  Fd leases = FCVM_TRY(base::open_file(file, O_RDWR | O_CREAT, 0600));
  const uid_t count = range.last - range.first;
  // Where others will hardly look first.
  const uid_t start = static_cast<uid_t>(std::hash<std::string>()(vm_id) % count);
  for (uid_t i = 0; i < count; ++i) {
    const uid_t at = 1 + (start + i) % count;
    if (lock_byte(leases.get(), at)) return UidLease(std::move(leases), range.first + at);
    if (errno != EAGAIN && errno != EACCES) return fail_errno("taking a user from " + file);
  }
  return fail(EAGAIN,
              fmt::format("all users from {} to {} are of VMs that run", range.first, range.last),
              "give fcvm more: jail.uids in fcvm.toml");
}

}  // namespace fcvm::vm
