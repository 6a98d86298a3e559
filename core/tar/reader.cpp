// See reader.hpp.
#include "core/tar/reader.hpp"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstring>

#include "core/tar/compression.hpp"

namespace fcvm::tar {
namespace {

Unexpected bad(const std::string& what) { return fail(EBADMSG, "reading a tar archive: " + what); }

Result<void> check_begin(std::string_view block) {
  const Compression* found = compression_of(block);
  if (found == nullptr) return {};
  return fail(
      ENOTSUP, std::string("reading a tar archive: it is compressed by ") + found->program,
      std::string("unpack it on the way: ") + found->program + " -dc FILE | fcvm cp - NAME:DIR");
}

bool all_zero(std::string_view block) {
  return block.find_first_not_of('\0') == std::string_view::npos;
}

std::string without_slash(std::string name) {
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  return name;
}

}  // namespace

Reader::Reader(Source source, ReaderOptions options)
    : source_(std::move(source)),
      options_(std::move(options)),
      buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)) {}

// False at the end of the source.
Result<bool> Reader::fill() {
  if (begin_ < end_) return true;
  begin_ = 0;
  end_ = FCVM_TRY(source_({buffer_.get(), kBuffer}));
  return end_ > 0;
}

Result<std::string_view> Reader::take_some(std::uint64_t most) {
  if (!FCVM_TRY(fill())) return bad("it ends too early");
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(most, end_ - begin_));
  const std::string_view bytes(buffer_.get() + begin_, size);
  begin_ += size;
  position_ += size;
  return bytes;
}

Result<std::string> Reader::take_all(std::uint64_t size) {
  std::string all;
  while (all.size() < size) all.append(FCVM_TRY(take_some(size - all.size())));
  return all;
}

Result<void> Reader::skip_rest() {
  std::uint64_t left = std::exchange(left_, 0) + std::exchange(padding_, 0);
  while (left > 0 && (begin_ < end_ || !options_.skip)) left -= FCVM_TRY(take_some(left)).size();
  if (left == 0) return {};
  position_ += left;
  return options_.skip(left);
}

// What follows a header that only says something of the next one.
Result<std::string> Reader::take_text(const RawHeader& header) {
  if (header.stored > kLargestRecords) return bad("what it says of an entry is too long");
  std::string text = FCVM_TRY(take_all(header.stored));
  FCVM_TRY(take_all(padding_after(header.stored)));
  return text;
}

// One entry's header with all that the blocks before it say of it.
Result<std::optional<RawHeader>> Reader::next_header() {
  PaxRecords records;
  std::string long_name;
  std::string long_link;
  for (std::string block;;) {
    if (!FCVM_TRY(fill())) {
      if (!options_.needs_end_mark) return std::optional<RawHeader>();
      return bad("it ends without its end mark");
    }
    if (!std::exchange(started_, true)) {
      FCVM_TRY(check_begin({buffer_.get() + begin_, end_ - begin_}));
    }
    block = FCVM_TRY(take_all(kBlock));
    if (all_zero(block)) return std::optional<RawHeader>();
    RawHeader header = FCVM_TRY(parse_header(block));
    if (header.type == 'x') {
      const std::string text = FCVM_TRY(take_text(header));
      records = FCVM_TRY(parse_records(text));
    } else if (header.type == 'L') {
      long_name = FCVM_TRY(take_text(header)).c_str();
    } else if (header.type == 'K') {
      long_link = FCVM_TRY(take_text(header)).c_str();
    } else if (header.type == 'g' || header.type == 'V') {
      static_cast<void>(FCVM_TRY(take_text(header)));  // of the whole archive: comments, labels
    } else if (header.type < '0' || header.type > '6') {
      return fail(ENOTSUP, std::string("reading a tar archive: an entry is of the unknown kind ") +
                               (header.type > ' ' && header.type < 127 ? header.type : '?'));
    } else {
      if (!long_name.empty()) header.entry.name = long_name;
      if (!long_link.empty()) header.entry.link = long_link;
      FCVM_TRY(apply_records(records, header));
      return std::optional(std::move(header));
    }
  }
}

Result<std::optional<Entry>> Reader::next() {
  FCVM_TRY(skip_rest());
  auto header = FCVM_TRY(next_header());
  if (!header) return std::optional<Entry>();
  entry_ = std::move(header->entry);
  // Before POSIX, a slash at the end of its name made a directory.
  const bool directory = header->type == '5' || (header->type == '0' && entry_.name.ends_with('/'));
  entry_.kind = directory ? Kind::kDirectory : static_cast<Kind>(header->type);
  entry_.name = without_slash(std::move(entry_.name));
  if (entry_.name.size() >= PATH_MAX || entry_.link.size() >= PATH_MAX) {
    return fail(ENAMETOOLONG, "reading a tar archive: a name is too long");
  }
  if (entry_.name.find('\0') != std::string::npos || entry_.link.find('\0') != std::string::npos) {
    return bad("a name has a zero in it");
  }
  header->entry = Entry();
  FCVM_TRY(begin_data(*header));
  return std::optional(entry_);
}

Result<void> Reader::begin_data(RawHeader& header) {
  extent_ = 0;
  in_extent_ = 0;
  left_ = padding_ = 0;
  // A link or a device has none, whatever its size says.
  if (entry_.kind != Kind::kFile) {
    entry_.sparse = false;
    entry_.size = 0;
    if (entry_.kind == Kind::kDirectory) left_ = header.stored;
    padding_ = padding_after(left_);
    return {};
  }
  if (entry_.size > INT64_MAX || header.stored > INT64_MAX) return bad("a file is too large");
  padding_ = padding_after(header.stored);
  for (bool more = header.more_extents; more;) {
    const std::string block = FCVM_TRY(take_all(kBlock));
    FCVM_TRY(parse_old_extents(block, 21, entry_));
    more = block[504] != '\0';
  }
  if (entry_.sparse && !header.old_sparse) FCVM_TRY(read_map(header));
  left_ = header.stored;
  if (!entry_.sparse) {
    entry_.extents = {{0, entry_.size}};
    return {};
  }
  return check_extents(entry_, header.stored);
}

// Decimal numbers, one a line: how many stretches, then the offset and size of each. The map ends
// with its block.
Result<void> Reader::read_map(RawHeader& header) {
  std::string text;
  const auto number = [&]() -> Result<std::uint64_t> {
    while (text.find('\n') == std::string::npos) {
      if (text.size() > 32 || header.stored < kBlock) {
        return bad("the map of a sparse file is malformed");
      }
      text += FCVM_TRY(take_all(kBlock));
      header.stored -= kBlock;
    }
    const auto line = text.find('\n');
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + line, value);
    if (error != std::errc() || end != text.data() + line) {
      return bad("the map of a sparse file is malformed");
    }
    text.erase(0, line + 1);
    return value;
  };
  const std::uint64_t count = FCVM_TRY(number());
  if (count > kMostExtents) return bad("a sparse file has too many pieces");
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t offset = FCVM_TRY(number());
    const std::uint64_t size = FCVM_TRY(number());
    entry_.extents.push_back({offset, size});
  }
  return {};
}

Result<Reader::Piece> Reader::read() {
  while (extent_ < entry_.extents.size() && in_extent_ == entry_.extents[extent_].size) {
    ++extent_;
    in_extent_ = 0;
  }
  if (left_ == 0 || extent_ == entry_.extents.size()) return Piece{};
  const Extent& extent = entry_.extents[extent_];
  const auto bytes = FCVM_TRY(take_some(std::min(left_, extent.size - in_extent_)));
  const Piece piece{extent.offset + in_extent_, bytes};
  in_extent_ += bytes.size();
  left_ -= bytes.size();
  return piece;
}

Result<void> Reader::drain() {
  begin_ = end_ = 0;
  while (FCVM_TRY(fill())) begin_ = end_;
  return {};
}

}  // namespace fcvm::tar
