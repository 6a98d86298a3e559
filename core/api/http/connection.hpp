// Connection: a client's socket and what was read from it before anybody wanted it. Owns both.
// Blocking, by deadlines; the socket itself is non-blocking. One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/deadline.hpp"

namespace fcvm::api::http {

class Connection {
 public:
  explicit Connection(Fd socket, std::string received = {})
      : socket_(std::move(socket)), received_(std::move(received)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }

  /// What came and was not consumed.
  [[nodiscard]] std::string_view received() const {
    return std::string_view(received_).substr(begin_);
  }
  void consume(std::size_t size);

  /// Takes in what is there without waiting: false at the end of the stream, EAGAIN when there is
  /// nothing yet.
  Result<bool> read_now();
  /// The same, and waits for it.
  Result<bool> read(base::Deadline deadline);

  /// ETIMEDOUT when the client takes it too slowly.
  Result<void> write(std::string_view bytes, base::Deadline deadline);

  /// Whether the client has ended its connection. What it may have sent meanwhile stays there.
  [[nodiscard]] bool peer_has_gone() const;

  /// For whoever goes over to raw bytes.
  struct Raw {
    Fd socket;
    std::string received;
  };
  [[nodiscard]] Raw release() && { return {std::move(socket_), received_.substr(begin_)}; }

 private:
  Fd socket_;
  std::string received_;
  std::size_t begin_ = 0;
};

}  // namespace fcvm::api::http
