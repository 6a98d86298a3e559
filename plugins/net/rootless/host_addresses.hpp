// HostAddresses: keeps a VM's filter in step with the host's own addresses, as they come and go.
// Owns a thread, which hears of changes from the kernel, and the sockets that this takes.
#pragma once

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/host.hpp>

#include "core/base/net/rtnetlink.hpp"

namespace fcvm::rootless {

class HostAddresses {
 public:
  /// Of the calling thread's network namespace. From here on no change is missed.
  static Result<std::unique_ptr<HostAddresses>> listen(const Host& host);
  HostAddresses(const HostAddresses&) = delete;
  HostAddresses& operator=(const HostAddresses&) = delete;
  ~HostAddresses();

  /// As they are now.
  Result<std::vector<base::IpAddress>> read();
  /// From now on the filter behind `socket` is renewed at each change. While that fails it is tried
  /// again, and the log tells.
  Result<void> follow(base::NetlinkSocket socket);

 private:
  HostAddresses(const Host& host, base::Rtnetlink kernel, base::NetlinkSocket events)
      : host_(host), kernel_(std::move(kernel)), events_(std::move(events)) {}
  void run();
  Result<void> renew();

  Host host_;
  base::Rtnetlink kernel_;
  base::NetlinkSocket events_;
  std::optional<base::NetlinkSocket> filter_;
  Fd stop_;
  std::thread thread_;
};

}  // namespace fcvm::rootless
