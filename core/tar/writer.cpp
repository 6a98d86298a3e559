// See writer.hpp.
#include "core/tar/writer.hpp"

#include "core/tar/header.hpp"

namespace fcvm::tar {

Result<void> Writer::begin(const Entry& entry) {
  FCVM_TRY(end_entry());
  return add(encode_header(entry));
}

Result<void> Writer::write(std::string_view bytes) {
  written_ += bytes.size();
  return add(bytes);
}

Result<void> Writer::finish() {
  FCVM_TRY(end_entry());
  FCVM_TRY(add(std::string(2 * kBlock, '\0')));
  return flush();
}

// Large pieces go as they are: a copy of each byte here would show.
Result<void> Writer::add(std::string_view bytes) {
  if (bytes.size() >= kFull) {
    FCVM_TRY(flush());
    return sink_(bytes);
  }
  buffer_.append(bytes);
  if (buffer_.size() < kFull) return {};
  return flush();
}

Result<void> Writer::end_entry() {
  const std::size_t padding = padding_after(std::exchange(written_, 0));
  return add(std::string(padding, '\0'));
}

Result<void> Writer::flush() {
  if (buffer_.empty()) return {};
  auto sent = sink_(buffer_);
  buffer_.clear();
  return sent;
}

}  // namespace fcvm::tar
