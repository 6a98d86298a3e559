// Exchange: one request on a connection and what answers it, in the hands of one handler thread.
// Owns the parser of the request's body, not the connection. Every wait has a limit: a client that
// sends or takes too slowly is an error, and its connection is closed.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/api/http/connection.hpp"
#include "core/api/http/message.hpp"

namespace fcvm::api::http {

/// A request's line and headers together.
inline constexpr std::size_t kMostHeaderBytes = 16 << 10;
/// A body that is held in memory as a whole.
inline constexpr std::size_t kMostWholeBody = 1 << 20;

class Exchange {
 public:
  /// Of a connection that has received a request's head as a whole. EPROTO for what is no HTTP/1.1.
  [[nodiscard]] static Result<std::unique_ptr<Exchange>> begin(Connection& connection);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  [[nodiscard]] const Request& request() const { return request_; }

  /// Sent with whatever answers, in addition to its own; for CORS.
  void add_header(std::string_view name, std::string_view value) { common_.set(name, value); }

  // --- the body ---

  /// Some bytes of it; 0 at its end. Tells a client that waits for it (Expect: 100-continue) to go
  /// on.
  [[nodiscard]] Result<std::size_t> read_body(std::span<char> into);
  /// All of it; EFBIG when it is larger than `limit`.
  [[nodiscard]] Result<std::string> whole_body(std::size_t limit = kMostWholeBody);

  /// Of a client that is not known: its answer waits for no body, and ends the connection.
  void hang_up() { hangs_up_ = true; }

  // --- the answer: once, as a whole ---

  Result<void> answer(const Response& response);

  // --- or as a stream of unknown length; `head` has no body ---

  Result<void> begin_stream(const Response& head);
  /// Waits while the client is slow. An error means that it is gone, or as good as gone.
  Result<void> write(std::string_view bytes);
  /// What was written is all.
  Result<void> end_stream();

  // --- how it stands ---

  [[nodiscard]] bool answered() const { return status_ != 0; }
  /// Of the answer; 0 before there is one.
  [[nodiscard]] int status() const { return status_; }
  /// A stream that has begun and has not ended: its client must see that it broke.
  [[nodiscard]] bool is_broken() const { return streaming_; }
  /// Whether anybody still waits for the answer.
  [[nodiscard]] bool client_has_gone() const { return connection_->peer_has_gone(); }
  /// Whether the connection can take another request now.
  [[nodiscard]] bool can_go_on() const;

  /// For whoever carries the connection's bytes elsewhere from here on: what came behind the head.
  [[nodiscard]] Connection::Raw take_over();
  [[nodiscard]] bool was_taken_over() const { return taken_over_; }

 private:
  struct Parser;
  explicit Exchange(Connection& connection);

  Result<void> parse_head();
  void drop_body();
  Result<void> send_head(const Response& response, std::string_view length);
  Result<void> allow_body();

  Connection* connection_;
  std::unique_ptr<Parser> parser_;
  Request request_;
  Headers common_;
  base::Deadline body_deadline_ = base::Deadline::never();
  int status_ = 0;
  bool streaming_ = false;
  bool keep_alive_ = false;
  bool awaits_leave_ = false;  // Expect: 100-continue, not answered yet
  bool taken_over_ = false;
  bool failed_ = false;
  bool hangs_up_ = false;
};

[[nodiscard]] std::string_view reason_of(int status);

}  // namespace fcvm::api::http
