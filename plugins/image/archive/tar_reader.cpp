// See tar_reader.hpp. POSIX ustar, with the long names of GNU and pax.
#include "plugins/image/archive/tar_reader.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace fcvm::archive {

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kLargestDocument = 1 << 20;
using Header = std::array<char, kBlock>;

Unexpected damaged(const std::string& why) { return fail(EBADMSG, "the archive " + why); }

/// The whole range, or EBADMSG where the file ends within it.
Result<void> read_at(int fd, char* into, std::size_t size, std::uint64_t offset) {
  while (size > 0) {
    const ssize_t count = ::pread(fd, into, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("reading the archive");
    if (count == 0) return damaged("is cut short");
    into += count;
    offset += static_cast<std::uint64_t>(count);
    size -= static_cast<std::size_t>(count);
  }
  return {};
}

std::string_view field(const Header& header, std::size_t at, std::size_t size) {
  return {header.data() + at, ::strnlen(header.data() + at, size)};
}

/// Octal text, or big-endian binary where the first bit is set.
std::optional<std::uint64_t> number(const Header& header, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  if ((static_cast<unsigned char>(header[at]) & 0x80) != 0) {
    for (std::size_t i = at + size - 8; i < at + size; ++i) {
      value = value << 8 | static_cast<unsigned char>(header[i]);
    }
    return value;
  }
  for (const char c : field(header, at, size)) {
    if (c == ' ') continue;
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

bool checksum_holds(const Header& header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
  }
  return number(header, 148, 8) == sum;
}

bool is_end(const Header& header) { return header == Header{}; }

std::string name_of(const Header& header) {
  const std::string name(field(header, 0, 100));
  const bool ustar = std::memcmp(header.data() + 257, "ustar\0", 6) == 0;
  const std::string_view prefix = ustar ? field(header, 345, 155) : std::string_view();
  return prefix.empty() ? name : std::string(prefix) + "/" + name;
}

/// The value of one key of a pax header: lines of "<length> <key>=<value>\n".
std::optional<std::string> pax_value(std::string_view records, std::string_view key) {
  while (!records.empty()) {
    std::size_t length = 0;
    const auto [end, bad] =
        std::from_chars(records.data(), records.data() + records.size(), length);
    const auto skip = static_cast<std::size_t>(end - records.data()) + 1;
    if (bad != std::errc() || length > records.size() || length <= skip) return std::nullopt;
    const std::string_view record = records.substr(skip, length - skip - 1);
    if (record.starts_with(key) && record.substr(key.size()).starts_with('=')) {
      return std::string(record.substr(key.size() + 1));
    }
    records.remove_prefix(length);
  }
  return std::nullopt;
}

/// What a header says of the member that follows it.
struct Override {
  std::optional<std::string> name;
  std::optional<std::uint64_t> size;
};

Result<std::string> read_document(int fd, const TarReader::Member& member) {
  if (member.size > kLargestDocument) return fail(EFBIG, "a document in the archive is too large");
  std::string text(member.size, '\0');
  FCVM_TRY(read_at(fd, text.data(), text.size(), member.offset));
  return text;
}

Result<void> read_override(int fd, char type, const TarReader::Member& member, Override& next) {
  const std::string text = FCVM_TRY(read_document(fd, member));
  if (type == 'L') {
    next.name = text.c_str();  // without the terminator
    return {};
  }
  if (auto name = pax_value(text, "path")) next.name = std::move(name);
  if (const auto size = pax_value(text, "size")) {
    std::uint64_t value = 0;
    std::from_chars(size->data(), size->data() + size->size(), value);
    next.size = value;
  }
  return {};
}

}  // namespace

Result<bool> TarReader::recognises(int fd) {
  Header header{};
  const auto read = read_at(fd, header.data(), header.size(), 0);
  if (!read && read.error().code() != EBADMSG) return unexpected(read.error());
  return read && !is_end(header) && checksum_holds(header);
}

Result<TarReader> TarReader::open(int fd, const Call& call) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("looking at the archive");
  const auto file_size = static_cast<std::uint64_t>(status.st_size);
  TarReader made(fd);
  Override next;
  for (std::uint64_t at = 0; at < file_size;) {
    FCVM_TRY(call.check());
    Header header{};
    FCVM_TRY(read_at(fd, header.data(), header.size(), at));
    if (is_end(header)) return made;
    if (!checksum_holds(header)) return damaged("has a damaged tar header");
    const auto size = next.size ? next.size : number(header, 124, 12);
    const char type = header[156];
    const Member member{at + kBlock, size.value_or(UINT64_MAX)};
    if (member.size > file_size - member.offset || member.offset > file_size) {
      return damaged("is cut short");
    }
    at = member.offset + (member.size + kBlock - 1) / kBlock * kBlock;
    if (type == 'L' || type == 'x') {
      FCVM_TRY(read_override(fd, type, member, next));
      continue;
    }
    if (type != 'g') made.members_[next.name.value_or(name_of(header))] = member;
    next = {};
  }
  // Some writers leave the two empty blocks at the end out, but not in the middle of a member.
  return made;
}

Result<std::string> TarReader::read(const std::string& name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) return damaged("has no " + name);
  return read_document(fd_, found->second);
}

}  // namespace fcvm::archive
