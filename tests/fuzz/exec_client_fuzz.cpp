// What a hostile guest could send to `fcvm exec` and `fcvm cp`. The first byte says which of them,
// and how large the guest's reads are; the rest is all that the guest ever says.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/io/socket_pair.hpp"
#include "core/cli/session/session.hpp"
#include "core/log/log.hpp"
#include "core/vm/client/guest_copy.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/wire/exec.hpp"

namespace {

using namespace fcvm;

constexpr std::size_t kLargestRemarks = 16 << 10;

// fuzz prints through descriptors of its own (-close_fd_mask): what the guest "prints" goes
// nowhere.
void prepare() {
  ::signal(SIGPIPE, SIG_IGN);
  log::configure(log::Level::kOff, log::Format::kText);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || ::dup2(null, STDIN_FILENO) < 0) std::abort();
}

void run_session(vm::GuestStream stream, bool types) {
  static const auto keys = *cli::DetachKeys::parse("ctrl-p,ctrl-q");
  cli::Session session(std::move(stream).release(), {.detach_keys = keys, .sends_stdin = types});
  const auto end = session.run(vm::Attached{types, types, 1000});
  if (end && (end->code < 0 || end->code > 255)) std::abort();
}

void run_copy(vm::GuestStream stream, bool out) {
  vm::GuestCopy copy(std::move(stream), 1000);
  if (out) {
    char piece[1000];
    for (auto got = copy.read(piece); got && *got > 0; got = copy.read(piece)) {
      if (*got > sizeof piece) std::abort();
    }
  } else if (copy.write(std::string(100'000, 'x'))) {
    static_cast<void>(copy.finish());
  }
  if (copy.remarks().size() > kLargestRemarks) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool prepared = (prepare(), true);
  static_cast<void>(prepared);
  if (size == 0) return 0;
  auto sockets = *base::SocketPair::create();
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  // Before anybody reads: so no thread is needed, and what does not fit is not said.
  [[maybe_unused]] const ssize_t sent =
      ::send(sockets.first.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(sockets.first.get(), SHUT_WR);
  auto stream = vm::GuestStream::open(std::move(sockets.second), wire::kMaxExecData + 64,
                                      base::Deadline::in(std::chrono::seconds(5)));
  if (!stream) return 0;
  switch (data[0] % 4) {
    case 0:
    case 1:
      run_session(*std::move(stream), data[0] % 4 == 1);
      break;
    default:
      run_copy(*std::move(stream), data[0] % 4 == 2);
  }
  return 0;
}
