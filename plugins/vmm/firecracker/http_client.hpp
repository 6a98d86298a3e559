// HttpClient: owns the connection to Firecracker's API socket, and keeps it between requests.
#pragma once

#include <string>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

#include "plugins/vmm/firecracker/http_parser.hpp"

namespace fcvm::firecracker {

/// One thread at a time.
class HttpClient {
 public:
  /// `directory` is borrowed for the client's life; `socket` is the name of an entry in it.
  HttpClient(int directory, std::string socket) : directory_(directory), name_(std::move(socket)) {}

  /// Connects, if not connected. ENOENT and ECONNREFUSED: nobody listens there (yet).
  Result<void> connect(const Call& call);

  /// Sends one request and reads its answer, within the call's deadline. After any failure the
  /// connection is closed, so that a late answer is never taken for the next request's; a request
  /// that was sent is never sent again by itself. EPIPE: the peer closed.
  Result<Response> request(const std::string& method, const std::string& path,
                           const std::string& body, const Call& call);

 private:
  Result<Response> exchange(const std::string& bytes, const Call& call);
  Result<void> send(std::string_view bytes, const Call& call);
  Result<Response> receive(const Call& call);
  /// The peer closed meanwhile, or said something unasked.
  [[nodiscard]] bool stale() const;

  int directory_;
  std::string name_;
  Fd socket_;
};

}  // namespace fcvm::firecracker
