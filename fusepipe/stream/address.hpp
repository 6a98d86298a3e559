// Where a stream comes from: "unix:PATH", "fd:N[,N...]", "vsock:PORT" to listen, "vsock:CID:PORT"
// to dial, "given:N" where another process dials (see given_stream.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::fusepipe {

class Address {
 public:
  enum class Kind { kUnix, kFds, kGiven, kVsock };

  /// EINVAL says what is wrong with the text.
  static Result<Address> parse(std::string_view text);

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::vector<int>& fds() const noexcept { return fds_; }

  /// The socket over which streams are given, of a kind that has one.
  [[nodiscard]] int giver() const noexcept { return fds_.front(); }

  /// A listening socket, which the path of a dead one does not hinder. Not for descriptors.
  [[nodiscard]] Result<base::Fd> listen() const;
  /// Not for descriptors that are there. One that is given comes when it comes.
  [[nodiscard]] Result<base::Fd> dial() const;

 private:
  Kind kind_ = Kind::kUnix;
  std::string text_;
  std::string path_;
  std::vector<int> fds_;
  std::uint32_t cid_ = 0;
  std::uint32_t port_ = 0;
};

/// Whether it accepts connections, as a socket does that a service manager hands over.
[[nodiscard]] bool is_listening(int fd);

}  // namespace fcvm::fusepipe
