// Datagrams: owns the buffers of one batch, into which datagrams are received and from which they
// are sent on.
//
// One batch serves all sockets, since there is one thread and none is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>

namespace fcvm::forward {

/// Who sent a datagram, and to which address of ours. Written with all padding zero, so that it can
/// be compared and hashed as bytes.
struct DatagramRoute {
  sockaddr_in6 peer{};     // an IPv4 one lies in it as a sockaddr_in
  in6_pktinfo local{};     // an IPv4 one lies in it as an in_pktinfo
  std::uint32_t zero = 0;  // no hole at the end

  [[nodiscard]] std::string_view bytes() const {
    return {reinterpret_cast<const char*>(this), sizeof *this};
  }
  friend bool operator==(const DatagramRoute& a, const DatagramRoute& b) {
    return a.bytes() == b.bytes();
  }
};

class Datagrams {
 public:
  static constexpr std::size_t kMost = 32;

  Datagrams();

  /// How many came; 0 when none are there. Never blocks.
  std::size_t receive(int socket);
  /// The way that datagram `index` came, for a socket that asked for packet information.
  [[nodiscard]] DatagramRoute route(std::size_t index) const;

  /// Sends `count` of them from `first` on to where the socket is connected. What the network or
  /// the buffer does not take is dropped, as any router does.
  void send(int socket, std::size_t first, std::size_t count);
  /// All that came, the way back along `route`.
  void send_back(int socket, std::size_t count, const DatagramRoute& route);

 private:
  static constexpr std::size_t kLargest = 65536;
  static constexpr std::size_t kControl = CMSG_SPACE(sizeof(in6_pktinfo));

  void send_all(int socket, std::size_t count);

  std::unique_ptr<char[]> data_;  // not touched before datagrams come
  std::array<sockaddr_in6, kMost> peers_{};
  alignas(cmsghdr) std::array<std::array<char, kControl>, kMost> controls_{};
  std::array<iovec, kMost> pieces_{};
  std::array<mmsghdr, kMost> received_{};
  std::array<mmsghdr, kMost> sending_{};
};

}  // namespace fcvm::forward
