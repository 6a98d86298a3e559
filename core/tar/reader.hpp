// Reader: reads a tar archive as it comes, whoever made it. Owns a buffer of fixed size; nothing
// it holds grows with what the archive says of itself beyond the limits of header.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/tar/entry.hpp"
#include "core/tar/header.hpp"

namespace fcvm::tar {

/// Reads some bytes; 0 at the end.
using Source = std::function<Result<std::size_t>(std::span<char>)>;

/// For an archive that lies in a file.
struct ReaderOptions {
  /// Moves the source on past bytes that nobody reads. Without it they are read.
  std::function<Result<void>(std::uint64_t)> skip;
  /// Some writers leave the mark out.
  bool needs_end_mark = true;
};

class Reader {
 public:
  explicit Reader(Source source, ReaderOptions options = {});

  /// The next entry, after what is left of the one before; nothing at the archive's end. EBADMSG
  /// when it is not a tar archive or ends too early, ENOTSUP when it is compressed.
  Result<std::optional<Entry>> next();

  /// A stretch of the entry's data and its place in the file; empty at the end of it.
  struct Piece {
    std::uint64_t offset = 0;
    std::string_view bytes;  // until the next call
  };
  Result<Piece> read();
  /// Where in the archive the next byte of the data lies.
  [[nodiscard]] std::uint64_t position() const { return position_; }

  /// Reads the source to its end: what follows an archive is padding.
  Result<void> drain();

 private:
  static constexpr std::size_t kBuffer = 256 << 10;

  Result<bool> fill();
  Result<std::string_view> take_some(std::uint64_t most);
  Result<std::string> take_all(std::uint64_t size);
  Result<void> skip_rest();
  Result<std::string> take_text(const RawHeader& header);
  Result<std::optional<RawHeader>> next_header();
  Result<void> begin_data(RawHeader& header);
  Result<void> read_map(RawHeader& header);

  Source source_;
  ReaderOptions options_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t position_ = 0;
  bool started_ = false;
  Entry entry_;                // the one at hand
  std::uint64_t left_ = 0;     // of its data, in the archive
  std::uint64_t padding_ = 0;  // after that
  std::size_t extent_ = 0;
  std::uint64_t in_extent_ = 0;
};

}  // namespace fcvm::tar
