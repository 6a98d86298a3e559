// A form as anybody could send it, with the boundary "B": read twice, in pieces as the first byte
// says and all at once. Both have to see the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "core/api/envd/multipart.hpp"

namespace {

using namespace fcvm;
using api::envd::Multipart;

/// All that was seen, as one text.
std::string read_form(std::string_view bytes, std::size_t piece) {
  const auto source = [&bytes, piece](std::span<char> into) -> Result<std::size_t> {
    const auto size = std::min({into.size(), piece, bytes.size()});
    std::memcpy(into.data(), bytes.data(), size);
    bytes.remove_prefix(size);
    return size;
  };
  Multipart form(source, "B");
  std::string seen;
  char into[100];
  for (;;) {
    const auto part = form.next();
    if (!part || !*part) return seen + (part ? "end" : "error");
    seen += (*part)->name + "|" + (*part)->filename + "|";
    for (;;) {
      const auto got = form.read(into);
      if (got && *got > sizeof into) std::abort();
      if (!got || *got == 0) break;
      seen.append(into, *got);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (read_form(bytes, data[0] % 64 + 1) != read_form(bytes, bytes.size() + 1)) std::abort();
  const auto boundary = Multipart::boundary_of(bytes);
  if (boundary && (boundary->empty() || boundary->size() > 70)) std::abort();
  return 0;
}
