// Writer: writes a tar archive to wherever its Sink leads. Owns the bytes not handed over yet.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/tar/entry.hpp"

namespace fcvm::tar {

using Sink = std::function<Result<void>(std::string_view)>;

class Writer {
 public:
  explicit Writer(Sink sink) : sink_(std::move(sink)) { buffer_.reserve(2 * kFull); }

  /// Then comes its data: data_size(entry) bytes by write().
  Result<void> begin(const Entry& entry);
  Result<void> write(std::string_view bytes);
  /// Pads the last entry, and ends the archive.
  Result<void> finish();

 private:
  static constexpr std::size_t kFull = 128 << 10;

  Result<void> add(std::string_view bytes);
  Result<void> end_entry();
  Result<void> flush();

  Sink sink_;
  std::string buffer_;
  std::uint64_t written_ = 0;  // of the entry at hand
};

}  // namespace fcvm::tar
