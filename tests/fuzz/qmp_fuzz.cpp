// QEMU's monitor, as a guest that has taken QEMU over would write to it: each line is nothing or is
// understood in bounds, and the client that reads them, cut anywhere, lives.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <sys/socket.h>

#include "plugins/vmm/qemu/qmp.hpp"
#include "plugins/vmm/qemu/qmp_line.hpp"

namespace {

constexpr std::size_t kLongest = 16 * 1024;

void understand(std::string_view line) {
  const auto known = fcvm::qemu::parse_qmp_line(line);
  if (known.error.size() > line.size() + 64 || known.text.size() > line.size()) std::abort();
  (void)fcvm::qemu::number_in(known.answer, {"stats", "stat-free-memory"});
  (void)fcvm::qemu::text_in(known.answer, "error-desc");
}

void read_in_pieces(std::string_view bytes, std::size_t step) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
  fcvm::Fd peer(ends[1]);
  fcvm::qemu::Qmp qmp{fcvm::Fd(ends[0])};
  bool open = true;
  while (open && !bytes.empty()) {
    const auto piece = bytes.substr(0, step);
    if (::send(peer.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0) break;
    open = qmp.on_readable();
    bytes.remove_prefix(piece.size());
  }
  peer.reset();
  while (open) open = qmp.on_readable();
  (void)qmp.shutdown_reason();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > kLongest) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  understand(bytes.substr(0, bytes.find('\n')));
  read_in_pieces(bytes, data[0] * 16u + 1u);
  return 0;
}
