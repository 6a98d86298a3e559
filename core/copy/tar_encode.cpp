// Encoding tar headers; see tar_header.hpp.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/copy/tar_fields.hpp"

namespace fcvm::copy {
namespace {

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

std::string plain_header(const TarEntry& entry, std::string_view name, char type,
                         std::uint64_t stored) {
  std::string block(kTarBlock, '\0');
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

std::string mtime_text(const TarEntry& entry) {
  char text[48];
  // Towards the past, as pax has it: -1.25 is second -2 and 750000000 ns.
  const bool negative = entry.mtime_s < 0 && entry.mtime_ns > 0;
  std::snprintf(text, sizeof text, "%s%lld.%09u", negative && entry.mtime_s == -1 ? "-" : "",
                static_cast<long long>(negative ? entry.mtime_s + 1 : entry.mtime_s),
                negative ? 1'000'000'000U - entry.mtime_ns : entry.mtime_ns);
  return text;
}

std::string sparse_map(const TarEntry& entry) {
  std::string map = std::to_string(entry.extents.size()) + "\n";
  for (const auto& extent : entry.extents) {
    map += std::to_string(extent.offset) + "\n" + std::to_string(extent.size) + "\n";
  }
  return map.append(tar_padding(map.size()), '\0');
}

std::string records_of(const TarEntry& entry, std::string_view name, std::uint64_t stored) {
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

}  // namespace

std::uint64_t data_size(const TarEntry& entry) {
  if (entry.kind != TarKind::kFile) return 0;
  if (!entry.sparse) return entry.size;
  std::uint64_t size = 0;
  for (const auto& extent : entry.extents) size += extent.size;
  return size;
}

std::string encode_header(const TarEntry& entry) {
  std::string name = entry.name;
  if (entry.kind == TarKind::kDirectory) name += '/';
  const std::string map = entry.sparse ? sparse_map(entry) : std::string();
  const std::uint64_t stored = data_size(entry) + map.size();
  const std::string records = records_of(entry, name, stored);
  std::string blocks;
  if (!records.empty()) {
    TarEntry about;
    about.mtime_s = entry.mtime_s;
    blocks += plain_header(about, "PaxHeaders/" + name.substr(0, 80), 'x', records.size());
    blocks.append(records).append(tar_padding(records.size()), '\0');
  }
  // A reader that knows nothing of sparse files then sees that this is none to use as it is.
  const std::string shown =
      entry.sparse ? "GNUSparseFile.0/" + name.substr(name.rfind('/') + 1) : name;
  blocks += plain_header(entry, shown, static_cast<char>(entry.kind), stored);
  return blocks + map;
}

}  // namespace fcvm::copy
