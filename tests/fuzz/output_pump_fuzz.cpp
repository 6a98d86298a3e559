// What a guest could send on its output stream, while a client is attached. The first byte says
// whether it greets first, and whether somebody types.
#include <csignal>
#include <cstdint>
#include <string_view>
#include <sys/socket.h>

#include "core/log/log.hpp"
#include "core/vm/guest/output_pump.hpp"
#include "tests/fuzz/guest_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fcvm;
  static const bool prepared = [] {
    ::signal(SIGPIPE, SIG_IGN);
    log::configure(log::Level::kOff, log::Format::kText);
    return true;
  }();
  static_cast<void>(prepared);
  if (size == 0) return 0;
  fuzz::OnceGuest guest({reinterpret_cast<const char*>(data) + 1, size - 1}, (data[0] & 3) != 0);
  auto client = *base::SocketPair::create();
  vm::Attachments attachments;
  static_cast<void>(attachments.add(std::move(client.second), false));
  attachments.begin(false, true);
  if ((data[0] & 4) != 0) {
    std::string typed;
    wire::append_frame(typed, wire::kExecStdin, std::string(1000, 'x'));
    [[maybe_unused]] const ssize_t sent =
        ::send(client.first.get(), typed.data(), typed.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  vm::OutputPump::Callbacks callbacks;
  callbacks.on_end = [] {};
  callbacks.on_sink_closed = [] {};
  callbacks.attached = {[](bool, int) {}, [] {}, [] {}, {}};
  vm::OutputPump pump(
      [&](std::uint32_t port, base::Deadline limit) { return guest.dial(port, limit); },
      attachments, {}, std::move(callbacks));
  if (!pump.start()) std::abort();
  pump.guest_is_up();
  guest.wait();
  return 0;
}
