// See header.hpp.
#include "core/tar/header.hpp"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstring>

namespace fcvm::tar {
namespace {

// Where the fields lie.
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kLink{157, 100};
constexpr std::size_t kMagic = 257;
constexpr Field kMajor{329, 8};
constexpr Field kMinor{337, 8};
constexpr Field kPrefix{345, 155};
constexpr std::size_t kOldExtents = 386;
constexpr std::size_t kOldMore = 482;
constexpr Field kOldRealSize{483, 12};

/// As it is when its own field holds blanks.
unsigned checksum(std::string_view block) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
    sum += own ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

constexpr std::uint64_t largest_octal(Field field) {
  return (std::uint64_t{1} << (3 * (field.size - 1))) - 1;
}

void put_text(std::string& block, Field field, std::string_view text) {
  std::memcpy(block.data() + field.at, text.data(), std::min(text.size(), field.size));
}

// What does not fit stands in the pax records, and this then says nothing.
void put_number(std::string& block, Field field, std::uint64_t value) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%0*llo", static_cast<int>(field.size - 1),
                static_cast<unsigned long long>(value <= largest_octal(field) ? value : 0));
  std::memcpy(block.data() + field.at, digits, field.size - 1);
}

std::string plain_header(const Entry& entry, std::string_view name, char type,
                         std::uint64_t stored) {
  std::string block(kBlock, '\0');
  put_text(block, kName, name);
  put_number(block, kMode, entry.mode & 07777);
  put_number(block, kUid, entry.uid);
  put_number(block, kGid, entry.gid);
  put_number(block, kSize, stored);
  put_number(block, kMtime, entry.mtime_s < 0 ? 0 : static_cast<std::uint64_t>(entry.mtime_s));
  block[kType] = type;
  put_text(block, kLink, entry.link);
  std::memcpy(block.data() + kMagic, "ustar\00000", 8);
  put_number(block, kMajor, entry.device_major);
  put_number(block, kMinor, entry.device_minor);
  char sum[kChecksum.size];
  std::snprintf(sum, sizeof sum, "%06o", checksum(block));
  std::memcpy(block.data() + kChecksum.at, sum, 7);
  block[kChecksum.at + 7] = ' ';
  return block;
}

// The length counts its own digits.
void add_record(std::string& records, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  records += std::to_string(length) + " ";
  records.append(key).append("=").append(value).append("\n");
}

std::string mtime_text(const Entry& entry) {
  char text[48];
  // Towards the past, as pax has it: -1.25 is second -2 and 750000000 ns.
  const bool negative = entry.mtime_s < 0 && entry.mtime_ns > 0;
  std::snprintf(text, sizeof text, "%s%lld.%09u", negative && entry.mtime_s == -1 ? "-" : "",
                static_cast<long long>(negative ? entry.mtime_s + 1 : entry.mtime_s),
                negative ? 1'000'000'000U - entry.mtime_ns : entry.mtime_ns);
  return text;
}

std::string sparse_map(const Entry& entry) {
  std::string map = std::to_string(entry.extents.size()) + "\n";
  for (const auto& extent : entry.extents) {
    map += std::to_string(extent.offset) + "\n" + std::to_string(extent.size) + "\n";
  }
  return map.append(padding_after(map.size()), '\0');
}

std::string records_of(const Entry& entry, std::string_view name, std::uint64_t stored) {
  std::string records;
  if (entry.sparse) {
    add_record(records, "GNU.sparse.major", "1");
    add_record(records, "GNU.sparse.minor", "0");
    add_record(records, "GNU.sparse.name", name);
    add_record(records, "GNU.sparse.realsize", std::to_string(entry.size));
  } else if (name.size() > kName.size) {
    add_record(records, "path", name);
  }
  if (entry.link.size() > kLink.size) add_record(records, "linkpath", entry.link);
  if (stored > largest_octal(kSize)) add_record(records, "size", std::to_string(stored));
  if (entry.uid > largest_octal(kUid)) add_record(records, "uid", std::to_string(entry.uid));
  if (entry.gid > largest_octal(kGid)) add_record(records, "gid", std::to_string(entry.gid));
  if (entry.mtime_ns != 0 || entry.mtime_s < 0 ||
      static_cast<std::uint64_t>(entry.mtime_s) > largest_octal(kMtime)) {
    add_record(records, "mtime", mtime_text(entry));
  }
  return records;
}

std::string_view text_at(std::string_view block, Field field) {
  const auto text = block.substr(field.at, field.size);
  return text.substr(0, text.find('\0'));
}

Unexpected bad_header(const std::string& what) {
  return fail(EBADMSG, "reading a tar archive: " + what);
}

// Octal digits, or, after a byte with its highest bit set, a big-endian number.
Result<std::uint64_t> number_at(std::string_view block, Field field) {
  std::string_view text = block.substr(field.at, field.size);
  if ((static_cast<unsigned char>(text[0]) & 0x80) != 0) {
    std::uint64_t value = static_cast<unsigned char>(text[0]) & 0x3f;
    for (const char c : text.substr(1)) {
      if (value >> 55 != 0) return bad_header("a number is too large");
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
  }
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  text = text.substr(0, text.find_first_of(std::string_view(" \0", 2)));
  std::uint64_t value = 0;
  if (text.empty()) return value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size())
    return bad_header("a number is malformed");
  return value;
}

Result<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return bad_header("a number of its records is malformed");
  }
  return value;
}

Result<std::uint32_t> small(std::uint64_t value) {
  if (value > UINT32_MAX) return bad_header("a number is too large");
  return static_cast<std::uint32_t>(value);
}

Result<std::uint32_t> small_at(std::string_view block, Field field) {
  const std::uint64_t value = FCVM_TRY(number_at(block, field));
  return small(value);
}

Result<std::uint32_t> small_decimal(std::string_view text) {
  const std::uint64_t value = FCVM_TRY(decimal(text));
  return small(value);
}

Result<void> parse_mtime(std::string_view text, Entry& entry) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto point = text.find('.');
  const std::uint64_t seconds = FCVM_TRY(decimal(text.substr(0, point)));
  if (seconds > INT64_MAX) return bad_header("a time is too large");
  std::string fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  fraction.resize(9, '0');
  const auto nanoseconds = FCVM_TRY(decimal(fraction));
  entry.mtime_s = static_cast<std::int64_t>(seconds);
  entry.mtime_ns = FCVM_TRY(small(nanoseconds));
  if (!negative) return {};
  entry.mtime_s = -entry.mtime_s - (nanoseconds > 0 ? 1 : 0);
  if (nanoseconds > 0) entry.mtime_ns = 1'000'000'000U - entry.mtime_ns;
  return {};
}

Result<void> parse_numbers(std::string_view block, RawHeader& header) {
  Entry& entry = header.entry;
  entry.mode = static_cast<mode_t>(FCVM_TRY(number_at(block, kMode)) & 07777);
  entry.uid = FCVM_TRY(small_at(block, kUid));
  entry.gid = FCVM_TRY(small_at(block, kGid));
  header.stored = FCVM_TRY(number_at(block, kSize));
  const std::uint64_t mtime = FCVM_TRY(number_at(block, kMtime));
  entry.mtime_s = static_cast<std::int64_t>(std::min<std::uint64_t>(mtime, INT64_MAX));
  const bool device = header.type == '3' || header.type == '4';
  if (!device) return {};  // others may leave these fields blank, or use them for something else
  entry.device_major = FCVM_TRY(small_at(block, kMajor));
  entry.device_minor = FCVM_TRY(small_at(block, kMinor));
  return {};
}

}  // namespace

std::uint64_t data_size(const Entry& entry) {
  if (entry.kind != Kind::kFile) return 0;
  if (!entry.sparse) return entry.size;
  std::uint64_t size = 0;
  for (const auto& extent : entry.extents) size += extent.size;
  return size;
}

std::string encode_header(const Entry& entry) {
  std::string name = entry.name;
  if (entry.kind == Kind::kDirectory) name += '/';
  const std::string map = entry.sparse ? sparse_map(entry) : std::string();
  const std::uint64_t stored = data_size(entry) + map.size();
  const std::string records = records_of(entry, name, stored);
  std::string blocks;
  if (!records.empty()) {
    Entry about;
    about.mtime_s = entry.mtime_s;
    blocks += plain_header(about, "PaxHeaders/" + name.substr(0, 80), 'x', records.size());
    blocks.append(records).append(padding_after(records.size()), '\0');
  }
  // A reader that knows nothing of sparse files then sees that this is none to use as it is.
  const std::string shown =
      entry.sparse ? "GNUSparseFile.0/" + name.substr(name.rfind('/') + 1) : name;
  blocks += plain_header(entry, shown, static_cast<char>(entry.kind), stored);
  return blocks + map;
}

Result<RawHeader> parse_header(std::string_view block) {
  RawHeader header;
  // Some archivers summed signed characters.
  const std::uint64_t sum = FCVM_TRY(number_at(block, kChecksum));
  const auto above = std::count_if(block.begin(), block.end(),
                                   [](char c) { return (static_cast<unsigned char>(c) & 0x80); });
  const unsigned own = checksum(block);
  if (sum != own && sum != own - 256U * static_cast<unsigned>(above)) {
    return bad_header("a header is damaged, or this is none");
  }
  header.type = block[kType] == '\0' || block[kType] == '7' ? '0' : block[kType];
  FCVM_TRY(parse_numbers(block, header));
  Entry& entry = header.entry;
  entry.name = text_at(block, kName);
  entry.link = text_at(block, kLink);
  const bool posix = block.substr(kMagic, 6) == std::string_view("ustar\0", 6);
  if (const auto prefix = text_at(block, kPrefix); posix && !prefix.empty()) {
    entry.name = std::string(prefix) + "/" + entry.name;
  }
  entry.size = header.stored;
  header.old_sparse = header.type == 'S';
  if (!header.old_sparse) return header;
  header.type = '0';
  entry.sparse = true;
  entry.size = FCVM_TRY(number_at(block, kOldRealSize));
  header.more_extents = block[kOldMore] != '\0';
  FCVM_TRY(parse_old_extents(block.substr(kOldExtents), 4, entry));
  return header;
}

Result<PaxRecords> parse_records(std::string_view text) {
  PaxRecords records;
  while (!text.empty() && text[0] != '\0') {
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos) return bad_header("its records are malformed");
    const std::uint64_t length = FCVM_TRY(decimal(text.substr(0, blank)));
    if (length <= blank + 1 || length > text.size() || text[length - 1] != '\n') {
      return bad_header("its records are malformed");
    }
    const auto record = text.substr(blank + 1, length - blank - 2);
    const auto equals = record.find('=');
    if (equals == std::string_view::npos) return bad_header("its records are malformed");
    records.insert_or_assign(std::string(record.substr(0, equals)),
                             std::string(record.substr(equals + 1)));
    text.remove_prefix(length);
  }
  return records;
}

Result<void> apply_records(const PaxRecords& records, RawHeader& header) {
  Entry& entry = header.entry;
  for (const auto& [key, value] : records) {
    if (key == "path") entry.name = value;
    if (key == "linkpath") entry.link = value;
    if (key == "uid") entry.uid = FCVM_TRY(small_decimal(value));
    if (key == "gid") entry.gid = FCVM_TRY(small_decimal(value));
    if (key == "mtime") FCVM_TRY(parse_mtime(value, entry));
    if (key == "size") entry.size = header.stored = FCVM_TRY(decimal(value));
  }
  const auto form = records.find("GNU.sparse.major");
  const bool older = records.contains("GNU.sparse.map") || records.contains("GNU.sparse.offset");
  if (older || (form != records.end() && form->second != "1")) {
    return fail(ENOTSUP, "reading a tar archive: its sparse files are of an old form",
                "make it with: tar --sparse --sparse-version=1.0 --format=posix");
  }
  if (form == records.end()) return {};
  const auto size = records.find("GNU.sparse.realsize");
  const auto name = records.find("GNU.sparse.name");
  if (size == records.end()) return bad_header("a sparse file has no size");
  if (name != records.end()) entry.name = name->second;
  entry.size = FCVM_TRY(decimal(size->second));
  entry.sparse = true;
  return {};
}

Result<void> parse_old_extents(std::string_view block, std::size_t count, Entry& entry) {
  for (std::size_t i = 0; i < count; ++i) {
    if (block[24 * i] == '\0') return {};
    const std::uint64_t offset = FCVM_TRY(number_at(block, {24 * i, 12}));
    const std::uint64_t size = FCVM_TRY(number_at(block, {24 * i + 12, 12}));
    entry.extents.push_back({offset, size});
  }
  if (entry.extents.size() > kMostExtents) return bad_header("a sparse file has too many pieces");
  return {};
}

Result<void> check_extents(const Entry& entry, std::uint64_t stored) {
  std::uint64_t end = 0;
  std::uint64_t data = 0;
  for (const auto& extent : entry.extents) {
    if (extent.offset < end || extent.offset > entry.size ||
        extent.size > entry.size - extent.offset) {
      return bad_header("the pieces of a sparse file overlap or leave it");
    }
    end = extent.offset + extent.size;
    data += extent.size;
  }
  if (data != stored) return bad_header("a sparse file has more or less data than its map says");
  return {};
}

}  // namespace fcvm::tar
