// Firecracker's answers, as a guest that has taken Firecracker over would write them: cut at every
// offset that the input's first byte picks, the result must be the same as in one piece.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "plugins/vmm/firecracker/http_parser.hpp"

namespace {

using fcvm::firecracker::ResponseParser;

struct Outcome {
  bool failed = false;
  bool done = false;
  std::string body;
};

Outcome outcome_of(std::string_view bytes, std::size_t step) {
  ResponseParser parser;
  Outcome outcome;
  while (!bytes.empty() && !outcome.failed) {
    const auto piece = bytes.substr(0, step);
    outcome.failed = !parser.feed(piece);
    bytes.remove_prefix(piece.size());
  }
  outcome.done = !outcome.failed && parser.done();
  if (outcome.done) outcome.body = parser.take().body;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = outcome_of(bytes, bytes.size() + 1);
  const Outcome pieces = outcome_of(bytes, data[0] + 1u);
  if (whole.failed != pieces.failed || whole.done != pieces.done || whole.body != pieces.body) {
    std::abort();
  }
  return 0;
}
