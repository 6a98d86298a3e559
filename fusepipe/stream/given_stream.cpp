// See given_stream.hpp.
#include "fusepipe/stream/given_stream.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <span>
#include <string_view>

#include "core/base/io/socket_pair.hpp"

namespace fcvm::fusepipe {

namespace {

constexpr std::string_view kOne = "s";

}  // namespace

Result<void> ask_for_stream(int giver) { return base::write_all(giver, kOne); }

Result<base::Fd> take_given_stream(int giver) {
  auto given = FCVM_TRY(base::receive_fds(giver, kOne.size(), 1));
  if (given.fds.empty()) return fail(ENOTCONN, "whoever dials for this process has ended");
  base::Fd stream = std::move(given.fds.front());
  const int flags = ::fcntl(stream.get(), F_GETFL);
  if (flags < 0 || ::fcntl(stream.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return fail_errno("using a stream that was given");
  }
  return stream;
}

Result<std::size_t> take_requests(int asker) {
  std::array<char, 64> bytes{};
  const std::size_t got = FCVM_TRY(base::read_some(asker, std::span(bytes)));
  if (got == 0) return fail(ENOTCONN, "whoever asked for streams has ended");
  return got;
}

Result<void> give_stream(int asker, int stream) {
  return base::send_fds(asker, kOne, std::span(&stream, 1));
}

}  // namespace fcvm::fusepipe
