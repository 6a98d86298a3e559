// See hello.hpp.
#include "fusepipe/stream/hello.hpp"

#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>
#include <sys/random.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/poll.hpp"

namespace fcvm::fusepipe {

namespace {

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <typename T>
Result<T> read_struct(int stream, base::Deadline deadline) {
  T value{};
  const std::span<char> whole(reinterpret_cast<char*>(&value), sizeof value);
  std::size_t had = 0;
  while (had < whole.size()) {
    FCVM_TRY(base::wait_readable(stream, deadline));
    const std::size_t got = FCVM_TRY(base::read_some(stream, whole.subspan(had)));
    if (got == 0) return fail(ENODATA, "the stream ended in the hello");
    had += got;
  }
  if (value.magic != kHelloMagic) return fail(EPROTO, "the peer does not speak fusepipe");
  if (value.version != kHelloVersion) {
    return fail(EPROTO, "the peer speaks version " + std::to_string(value.version) +
                            " of fusepipe's protocol, and this is version " +
                            std::to_string(kHelloVersion));
  }
  return value;
}

}  // namespace

Result<Token> random_token() {
  Token token;
  if (::getrandom(token.data(), token.size(), 0) != static_cast<ssize_t>(token.size())) {
    return fail_errno("getting random bytes");
  }
  return token;
}

Result<HelloReply> greet(int stream, HelloRequest hello, base::Deadline deadline) {
  hello.magic = kHelloMagic;
  hello.version = kHelloVersion;
  FCVM_TRY(base::write_all(stream, bytes_of(hello)));
  const auto reply = FCVM_TRY(read_struct<HelloReply>(stream, deadline));
  if (reply.error != 0) {
    return fail(reply.error, std::string("the server declines: ") + std::strerror(reply.error));
  }
  return reply;
}

Result<HelloRequest> read_hello(int stream, base::Deadline deadline) {
  return read_struct<HelloRequest>(stream, deadline);
}

Result<void> answer_hello(int stream, HelloReply reply) {
  reply.magic = kHelloMagic;
  reply.version = kHelloVersion;
  return base::write_all(stream, bytes_of(reply));
}

}  // namespace fcvm::fusepipe
