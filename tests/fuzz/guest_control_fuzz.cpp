// What a guest could send on its control stream: before and after it was greeted, by the first
// byte.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/log/log.hpp"
#include "core/vm/guest/guest_control.hpp"
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
  std::atomic<std::uint64_t> last = 0;
  vm::GuestControl control(
      [&](std::uint32_t port, base::Deadline limit) { return guest.dial(port, limit); },
      [&](const wire::Event& event) {
        // Once each, in their order.
        if (event.number <= last) std::abort();
        last = event.number;
      });
  if (control.connect(base::Deadline::in(std::chrono::milliseconds(20)))) guest.wait();
  return 0;
}
