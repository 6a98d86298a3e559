// What could stand in a vm.json: every command reads it. What was read can be written, and is the
// same when it is read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/vm/model/record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fcvm::vm;
  const auto record = record_from_json({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  const std::string text = to_json(*record);
  const auto again = record_from_json(text);
  if (!again || to_json(*again) != text) std::abort();
  return 0;
}
