// Settings of the kernel's network, below /proc/sys/net, of the calling thread's namespace; and
// SharedSetting, for one that several VMs need and that is put back when the last one ends.
#pragma once

#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::net {

/// `name` is a path: "ipv4/conf/eth0/forwarding".
Result<std::string> read_setting(const std::string& name);
Result<void> write_setting(const std::string& name, const std::string& value);
/// Writes it unless it is so: to write some of them is to wait for the kernel's lock, busily.
Result<void> ensure_setting(const std::string& name, const std::string& value);
bool has_setting(const std::string& name);

/// Owns a part in a setting of the host. Everyone who needs it holds a shared lock on a file that
/// tells what it was before; whoever ends last puts that back. A killed holder's lock is gone, so
/// the next one who ends, or undo(), does it.
class SharedSetting {
 public:
  /// Sets it, unless it is so already and nobody's.
  static Result<SharedSetting> hold(const std::string& directory, const std::string& name,
                                    const std::string& value, const Call& call);
  SharedSetting(SharedSetting&&) noexcept = default;
  SharedSetting& operator=(SharedSetting&&) noexcept = default;

  /// Puts the old value back if no other holds it, and if it still is what we made of it.
  Result<void> let_go();

  /// let_go() for a holder that was killed.
  static Result<void> undo(const std::string& directory, const std::string& name);

 private:
  SharedSetting(std::string name, std::string value, Fd file)
      : name_(std::move(name)), value_(std::move(value)), file_(std::move(file)) {}
  Result<void> take_over();

  std::string name_;
  std::string value_;  // what it is while it is held
  Fd file_;
};

}  // namespace fcvm::net
