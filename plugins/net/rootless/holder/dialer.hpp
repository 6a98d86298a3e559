// Dialer: owns the connections to the guest that are being made. Each belongs to whoever holds the
// other end of its answer socket: it gets the connection or an errno, and may give up by closing.
#pragma once

#include <poll.h>
#include <vector>

#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"
#include "plugins/net/rootless/holder_protocol.hpp"

namespace fcvm::rootless {

class Dialer {
 public:
  explicit Dialer(const base::IpAddress& guest) : guest_(guest) {}

  void begin(const DialRequest& request, base::Fd answer);

  /// Adds what is to be polled, two entries for each dial.
  void add_to(std::vector<pollfd>& polled) const;
  /// When poll must return at the latest.
  [[nodiscard]] base::Deadline next_deadline() const;
  /// `polled` begins with the entries that add_to added.
  void after_poll(const pollfd* polled);

 private:
  struct Dial {
    base::Fd answer;
    base::Fd socket;
    base::Deadline deadline = base::Deadline::never();
  };

  base::IpAddress guest_;
  std::vector<Dial> dials_;
};

}  // namespace fcvm::rootless
