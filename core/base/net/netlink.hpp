// NetlinkSocket: speaks netlink to the kernel, of any family, without a library. NetlinkMessage and
// NetlinkAttributes build and read what is said; rtnetlink.hpp has the words for links and routes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::base {

/// One request: a netlink header, a body, and attributes, each aligned to four bytes.
class NetlinkMessage {
 public:
  /// NLM_F_REQUEST is added.
  template <typename Body>
  NetlinkMessage(std::uint16_t type, std::uint16_t flags, const Body& body)
      : NetlinkMessage(type, flags,
                       std::string_view(reinterpret_cast<const char*>(&body), sizeof body)) {}

  void attribute(std::uint16_t type, std::string_view bytes);
  void number(std::uint16_t type, std::uint32_t value);
  void byte(std::uint16_t type, std::uint8_t value);
  /// With its terminating NUL, as the kernel wants names.
  void text(std::uint16_t type, const std::string& value);
  /// An attribute that holds those which `fill` adds; perhaps after a header of its own.
  void nested(std::uint16_t type, const std::function<void()>& fill, std::string_view header = {});

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  friend class NetlinkSocket;
  NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::string_view body);
  void append(std::string_view bytes);
  void add_flags(std::uint16_t flags);
  void set_sequence(std::uint32_t sequence);

  std::string bytes_;
};

/// The attributes of a message from the kernel; borrowed, and never read past their end.
class NetlinkAttributes {
 public:
  explicit NetlinkAttributes(std::string_view bytes) : bytes_(bytes) {}

  /// The payload of the first one of this type.
  [[nodiscard]] std::optional<std::string_view> find(std::uint16_t type) const;
  /// 0 when there is none, or it is not a 32-bit number.
  [[nodiscard]] std::uint32_t number(std::uint16_t type) const;
  /// Empty when there is none.
  [[nodiscard]] std::string text(std::uint16_t type) const;

 private:
  std::string_view bytes_;
};

/// A struct at the beginning of a message from the kernel, zero where that is shorter.
template <typename Body>
[[nodiscard]] Body netlink_body(std::string_view bytes) {
  Body body{};
  std::memcpy(&body, bytes.data(), std::min(bytes.size(), sizeof body));
  return body;
}
/// What follows that struct.
template <typename Body>
[[nodiscard]] NetlinkAttributes netlink_attributes(std::string_view bytes) {
  constexpr std::size_t kSize = (sizeof(Body) + 3) & ~std::size_t{3};
  return NetlinkAttributes(bytes.substr(std::min(bytes.size(), kSize)));
}

/// A request and what it is for, in words for an error: "adding the address 10.0.2.1/24".
struct NetlinkRequest {
  NetlinkMessage message;
  std::string doing;
};

/// One message from the kernel, without its header.
struct NetlinkReply {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::string body;
};

/// Belongs to the network namespace in which it was made, wherever it is used. One thread at a
/// time.
class NetlinkSocket {
 public:
  /// In the calling thread's network namespace; `protocol` is NETLINK_ROUTE or the like.
  static Result<NetlinkSocket> open(int protocol);
  /// A netlink socket made and bound elsewhere.
  static Result<NetlinkSocket> adopt(Fd socket);

  /// Sends them all at once, and checks every answer. The kernel carries out what follows a request
  /// that failed; the error is the first one's, with the kernel's own explanation.
  Result<void> commit(std::span<NetlinkRequest> requests);
  Result<void> commit(NetlinkRequest request) { return commit({&request, 1}); }
  /// Sends a batch as nfnetlink has it, its beginning and its end included: all is done or nothing.
  Result<void> transact(std::span<NetlinkMessage> batch, const std::string& doing);

  /// Everything that the kernel tells for a request, which becomes a dump; asked again when things
  /// changed in the middle of it.
  Result<std::vector<NetlinkReply>> dump(NetlinkRequest request);
  /// The one message that answers a request, or nothing when there is no such thing (ENODEV).
  Result<std::optional<NetlinkReply>> get(NetlinkRequest request);

  /// To poll, for a socket that subscribe() made a listener; nothing but receive() may then be
  /// used.
  [[nodiscard]] int fd() const { return socket_.get(); }
  /// Joins a multicast group, such as RTNLGRP_LINK.
  Result<void> subscribe(unsigned group);
  /// The messages of one packet; waits when there is none. ENOBUFS: some were lost.
  Result<std::vector<NetlinkReply>> receive();

 private:
  explicit NetlinkSocket(Fd socket) : socket_(std::move(socket)) {}
  Result<void> commit_some(std::span<NetlinkRequest> requests);
  Result<bool> dump_once(NetlinkRequest& request, std::vector<NetlinkReply>& replies);
  Result<void> send(std::string_view bytes, const std::string& doing);

  Fd socket_;
  std::uint32_t sequence_ = 0;
  std::string buffer_;
};

}  // namespace fcvm::base
