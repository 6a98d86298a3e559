// What a guest could answer to an order about files: the first byte says which. Reading and
// listing end, and hold no more than is bounded.
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/vm/client/file_order.hpp"
#include "tests/fuzz/guest_fuzz.hpp"

namespace {

using namespace fcvm;

base::Deadline soon() { return base::Deadline::in(std::chrono::milliseconds(200)); }

void list(vm::OrderUnderWay& order) {
  for (;;) {
    const auto entry = order.next<wire::FileEntry>(soon());
    if (!entry || !*entry) return;
    if ((*entry)->path.size() > wire::kMaxFileAnswer) std::abort();
  }
}

void read(vm::OrderUnderWay& order) {
  if (!order.expect<wire::FileEntry>(soon())) return;
  std::vector<char> piece(1000);
  for (;;) {
    const auto got = order.read(piece, soon());
    if (!got || *got == 0) return;
  }
}

void write(vm::OrderUnderWay& order) {
  if (!order.write("some text", soon()) || !order.end_input(soon())) return;
  static_cast<void>(order.expect<wire::FileEntry>(soon()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto ignored = ::signal(SIGPIPE, SIG_IGN);
  static_cast<void>(ignored);
  if (size == 0) return 0;
  fuzz::OnceGuest guest({reinterpret_cast<const char*>(data) + 1, size - 1}, true);
  auto dialled = guest.dial(0, soon());
  if (!dialled) std::abort();
  auto stream = vm::GuestStream::open(*std::move(dialled), wire::kMaxExecData + 64, soon());
  if (!stream) return 0;
  vm::OrderUnderWay order(vm::ExecBegun{*std::move(stream), data[0], {}});
  constexpr void (*kOrders[])(vm::OrderUnderWay&) = {list, read, write};
  kOrders[data[0] % 3](order);
  return 0;
}
