// See tar_writer.hpp.
#include "core/copy/tar_writer.hpp"

#include "core/copy/tar_header.hpp"

namespace fcvm::copy {

Result<void> TarWriter::begin(const TarEntry& entry) {
  FCVM_TRY(end_entry());
  return add(encode_header(entry));
}

Result<void> TarWriter::write(std::string_view bytes) {
  written_ += bytes.size();
  return add(bytes);
}

Result<void> TarWriter::finish() {
  FCVM_TRY(end_entry());
  FCVM_TRY(add(std::string(2 * kTarBlock, '\0')));
  return flush();
}

// Large pieces go as they are: a copy of each byte here would show.
Result<void> TarWriter::add(std::string_view bytes) {
  if (bytes.size() >= kFull) {
    FCVM_TRY(flush());
    return sink_(bytes);
  }
  buffer_.append(bytes);
  if (buffer_.size() < kFull) return {};
  return flush();
}

Result<void> TarWriter::end_entry() {
  const std::size_t padding = tar_padding(std::exchange(written_, 0));
  return add(std::string(padding, '\0'));
}

Result<void> TarWriter::flush() {
  if (buffer_.empty()) return {};
  auto sent = sink_(buffer_);
  buffer_.clear();
  return sent;
}

}  // namespace fcvm::copy
