// See exchange.hpp. Beast parses; nothing else of it is used, and nowhere else.
#include "core/api/http/exchange.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <fmt/core.h>

namespace fcvm::api::http {
namespace {

namespace beast = boost::beast;
using namespace std::chrono_literals;

/// Without a byte of a body, and without taking a byte of an answer.
constexpr auto kClientPatience = 30s;
/// For a body that is held as a whole, and for one that nobody wants.
constexpr auto kWholeBodyPatience = 60s;
constexpr auto kUnwantedBodyPatience = 5s;

bool needs_more(const beast::error_code& error) {
  return error == beast::http::error::need_more || error == beast::http::error::need_buffer;
}

Unexpected malformed(const beast::error_code& error) {
  return fail(EPROTO, "the request is no HTTP/1.1: " + error.message());
}

/// A header's value ends at its line's end, whoever it comes from.
bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

struct Exchange::Parser {
  beast::http::request_parser<beast::http::buffer_body> beast;
};

Exchange::Exchange(Connection& connection)
    : connection_(&connection), parser_(std::make_unique<Parser>()) {}
Exchange::~Exchange() = default;

Result<std::unique_ptr<Exchange>> Exchange::begin(Connection& connection) {
  auto exchange = std::unique_ptr<Exchange>(new Exchange(connection));
  FCVM_TRY(exchange->parse_head());
  return exchange;
}

Result<void> Exchange::parse_head() {
  auto& parser = parser_->beast;
  parser.header_limit(kMostHeaderBytes);
  // Whoever reads it has a limit of its own. Boost 1.74 takes none for zero.
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  beast::error_code error;
  const auto received = connection_->received();
  const auto used = parser.put(boost::asio::buffer(received.data(), received.size()), error);
  if (error && !needs_more(error)) return malformed(error);
  if (!parser.is_header_done()) return fail(EPROTO, "the head of the request is not complete");
  connection_->consume(used);
  const auto& head = parser.get();
  if (head.version() != 11) return fail(EPROTO, "the request is not of HTTP/1.1");
  request_.method = std::string(head.method_string());
  request_.target = std::string(head.target());
  for (const auto& field : head) {
    request_.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  const auto question = std::min(request_.target.find('?'), request_.target.size());
  request_.path = request_.target.substr(0, question);
  if (!request_.path.starts_with('/')) return fail(EPROTO, "the request's target is no path");
  if (question < request_.target.size()) {
    request_.query = FCVM_TRY(parse_query(std::string_view(request_.target).substr(question + 1)));
  }
  keep_alive_ = head.keep_alive();
  awaits_leave_ = same_name(request_.headers.get("Expect"), "100-continue");
  return {};
}

Result<void> Exchange::allow_body() {
  if (!std::exchange(awaits_leave_, false)) return {};
  return connection_->write("HTTP/1.1 100 Continue\r\n\r\n", base::Deadline::in(kClientPatience));
}

Result<std::size_t> Exchange::read_body(std::span<char> into) {
  auto& parser = parser_->beast;
  FCVM_TRY(allow_body());
  while (!parser.is_done()) {
    auto& body = parser.get().body();
    body.data = into.data();
    body.size = into.size();
    const auto received = connection_->received();
    std::size_t used = 0;
    beast::error_code error;
    if (!received.empty()) {
      used = parser.put(boost::asio::buffer(received.data(), received.size()), error);
      connection_->consume(used);
    }
    failed_ = error && !needs_more(error);
    if (failed_) return malformed(error);
    const std::size_t got = into.size() - body.size;
    if (got > 0) return got;
    if (used > 0) continue;
    // Beast waits for the end of a chunk's extensions, however long they are.
    failed_ = connection_->received().size() > kMostHeaderBytes;
    if (failed_) return fail(EPROTO, "a chunk of the request has too long a head");
    const auto limit = base::Deadline::in(kClientPatience);
    const auto more = connection_->read(base::Deadline::earlier(limit, body_deadline_));
    failed_ = !more || !*more;
    if (!more) return unexpected(more.error());
    if (!*more) return fail(ECONNRESET, "the client ended the request in the middle of its body");
  }
  return 0;
}

Result<std::string> Exchange::whole_body(std::size_t limit) {
  std::string body;
  std::string piece(16 << 10, '\0');
  body_deadline_ = base::Deadline::in(kWholeBodyPatience);
  for (;;) {
    const auto got = FCVM_TRY(read_body(piece));
    if (got == 0) return body;
    if (body.size() + got > limit) {
      return fail(EFBIG, fmt::format("the body of the request is larger than {} bytes", limit));
    }
    body.append(piece, 0, got);
  }
}

/// Of a request that is answered before it was read: the connection can go on then, and a client
/// that is still sending sees the answer and no reset. A large one is not waited for.
void Exchange::drop_body() {
  if (awaits_leave_ || failed_ || hangs_up_) return;
  std::string piece(64 << 10, '\0');
  body_deadline_ = base::Deadline::in(kUnwantedBodyPatience);
  for (std::size_t dropped = 0; dropped < kMostWholeBody;) {
    const auto got = read_body(piece);
    if (!got || *got == 0) return;
    dropped += *got;
  }
}

std::string_view reason_of(int status) {
  const auto reason =
      beast::http::obsolete_reason(static_cast<beast::http::status>(static_cast<unsigned>(status)));
  return {reason.data(), reason.size()};
}

Result<void> Exchange::send_head(const Response& response, std::string_view length) {
  status_ = response.status;
  drop_body();
  if (!can_go_on()) keep_alive_ = false;
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  for (const Headers* headers : {&response.headers, &std::as_const(common_)}) {
    for (const auto& [name, value] : headers->fields()) {
      if (is_one_line(name) && is_one_line(value)) head += fmt::format("{}: {}\r\n", name, value);
    }
  }
  head += fmt::format("{}{}\r\n", length, keep_alive_ ? "" : "Connection: close\r\n");
  return connection_->write(head, base::Deadline::in(kClientPatience));
}

Result<void> Exchange::answer(const Response& response) {
  // A status of which HTTP says that it has no body.
  const bool bare = response.status == 204 || response.status == 304;
  FCVM_TRY(
      send_head(response, bare ? "" : fmt::format("Content-Length: {}\r\n", response.body.size())));
  if (bare || request_.method == "HEAD") return {};
  return connection_->write(response.body, base::Deadline::in(kClientPatience));
}

Result<void> Exchange::begin_stream(const Response& head) {
  FCVM_TRY(send_head(head, "Transfer-Encoding: chunked\r\n"));
  streaming_ = request_.method != "HEAD";
  return {};
}

Result<void> Exchange::write(std::string_view bytes) {
  if (bytes.empty() || !streaming_) return {};  // nothing would end it; HEAD has no body
  const auto deadline = base::Deadline::in(kClientPatience);
  return connection_->write(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes), deadline);
}

Result<void> Exchange::end_stream() {
  if (!streaming_) return {};
  FCVM_TRY(connection_->write("0\r\n\r\n", base::Deadline::in(kClientPatience)));
  streaming_ = false;
  return {};
}

bool Exchange::can_go_on() const {
  return keep_alive_ && !hangs_up_ && parser_->beast.is_done() && !streaming_ && !taken_over_ &&
         !failed_;
}

Connection::Raw Exchange::take_over() {
  taken_over_ = true;
  return std::move(*connection_).release();
}

}  // namespace fcvm::api::http
