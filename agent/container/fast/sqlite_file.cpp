// See sqlite_file.hpp.
#include "agent/container/fast/sqlite_file.hpp"

#include <algorithm>

namespace fcvm::agent {
namespace {

constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kHeader = 100;  // in front of the first page's own

enum PageType : std::uint32_t { kInnerTable = 5, kLeafIndex = 10, kLeafTable = 13 };

// Where the file's header has them.
constexpr std::size_t kPageSizeAt = 16;
constexpr std::size_t kWriteVersionAt = 18;
constexpr std::size_t kReadVersionAt = 19;
constexpr std::size_t kReservedAt = 20;
constexpr std::size_t kChangesAt = 24;
constexpr std::size_t kPagesAt = 28;
constexpr std::size_t kLargestRootAt = 52;
constexpr std::size_t kEncodingAt = 56;
constexpr std::size_t kValidForAt = 92;

Unexpected damaged(const std::string& what) { return fail(EBADMSG, "podman's database: " + what); }

std::string encode(std::uint64_t value) {
  std::string bytes(1, static_cast<char>(value & 0x7f));
  while ((value >>= 7) != 0) bytes.insert(bytes.begin(), static_cast<char>((value & 0x7f) | 0x80));
  return bytes;
}

std::size_t size_of_type(std::uint64_t type) {
  constexpr std::size_t kSizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
  return type < 12 ? kSizes[type] : static_cast<std::size_t>((type - 12) / 2);
}

std::uint64_t decode(std::string_view bytes, std::size_t& at) {
  std::uint64_t value = 0;
  while (at < bytes.size()) {
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    value = value << 7 | (byte & 0x7f);
    if ((byte & 0x80) == 0) break;
  }
  return value;
}

Result<SqliteFile::Row> decode_record(std::string_view payload) {
  SqliteFile::Row row;
  std::size_t at = 0;
  const std::uint64_t header = decode(payload, at);
  if (header > payload.size()) return damaged("a record's header is too long");
  std::size_t body = header;
  while (at < header) {
    SqliteFile::Value value;
    value.type = decode(payload.substr(0, header), at);
    const std::size_t size = size_of_type(value.type);
    if (size > payload.size() - body) return damaged("a record is too short");
    value.bytes = std::string(payload.substr(body, size));
    body += size;
    row.push_back(std::move(value));
  }
  return row;
}

std::string encode_record(const SqliteFile::Row& row) {
  std::string types;
  std::string body;
  for (const auto& value : row) {
    types += encode(value.type);
    body += value.bytes;
  }
  // The length counts itself.
  std::size_t header = types.size() + 1;
  if (encode(header).size() > 1) ++header;
  return encode(header) + types + body;
}

}  // namespace

void SqliteFile::Value::set(std::string text) {
  bytes = std::move(text);
  type = 2 * bytes.size() + (is_text() ? 13 : 12);
}

Result<SqliteFile> SqliteFile::open(std::string bytes) {
  SqliteFile file(std::move(bytes));
  FCVM_TRY(file.read_header());
  std::set<std::uint32_t> seen;
  FCVM_TRY(file.read_schema(1, seen));
  return file;
}

Result<void> SqliteFile::read_header() {
  if (bytes_.size() < 512 || !bytes_.starts_with(kMagic)) {
    return damaged("it is none of SQLite");
  }
  page_size_ = number(kPageSizeAt, 2) == 1 ? 65536 : number(kPageSizeAt, 2);
  if (page_size_ < 512 || bytes_.size() % page_size_ != 0) {
    return damaged("its size is no multiple of its pages'");
  }
  const bool plain = number(kWriteVersionAt, 1) == 1 && number(kReadVersionAt, 1) == 1 &&
                     number(kReservedAt, 1) == 0 && number(kLargestRootAt, 4) == 0 &&
                     number(kEncodingAt, 4) == 1 && number(kPagesAt, 4) == pages() &&
                     number(kChangesAt, 4) == number(kValidForAt, 4);
  if (!plain) return damaged("it is of a kind that is not written here");
  return {};
}

// The schema is a table of its own, at the first page: type, name, table, root page, SQL.
Result<void> SqliteFile::read_schema(std::uint32_t page, std::set<std::uint32_t>& seen) {
  if (page == 0 || page > pages() || !seen.insert(page).second) {
    return damaged("its schema leads astray");
  }
  const std::size_t header = offset(page) + (page == 1 ? kHeader : 0);
  const std::uint32_t type = number(header, 1);
  if (type != kLeafTable && type != kInnerTable) return damaged("its schema is none");
  const std::size_t cells = number(header + 3, 2);
  const std::size_t list = header + (type == kInnerTable ? 12 : 8);
  if (list + 2 * cells > offset(page) + page_size_) {
    return damaged("a page has too many cells");
  }
  for (std::size_t i = 0; i < cells; ++i) {
    const std::size_t at = offset(page) + number(list + 2 * i, 2);
    if (at + 4 > bytes_.size()) return damaged("a cell lies outside");
    if (type == kInnerTable) {
      FCVM_TRY(read_schema(number(at, 4), seen));
      continue;
    }
    const Cell cell = FCVM_TRY(read_cell(page, at));
    const Row row = FCVM_TRY(decode_record(cell.payload));
    if (row.size() < 5) return damaged("its schema has too few columns");
    std::uint32_t root = 0;
    for (const char byte : row[3].bytes) root = root << 8 | static_cast<unsigned char>(byte);
    roots_[row[1].bytes] = row[3].type == 9 ? 1 : root;
  }
  if (type == kInnerTable) FCVM_TRY(read_schema(number(header + 8, 4), seen));
  return {};
}

Result<SqliteFile::Cell> SqliteFile::read_cell(std::uint32_t page, std::size_t at) const {
  const std::size_t header = offset(page) + (page == 1 ? kHeader : 0);
  Cell cell;
  cell.in_table = number(header, 1) == kLeafTable;
  const std::uint64_t size = FCVM_TRY(varint(at));
  if (cell.in_table) cell.rowid = FCVM_TRY(varint(at));
  if (size > bytes_.size()) return damaged("a cell is larger than the file");
  const std::size_t local = local_bytes(size, cell.in_table);
  const std::size_t end = offset(page) + page_size_;
  if (at > end || local > end - at) return damaged("a cell leaves its page");
  cell.payload = bytes_.substr(at, local);
  if (local == size) return cell;
  if (end - at - local < 4) return damaged("a cell leaves its page");
  std::uint32_t next = number(at + local, 4);
  while (cell.payload.size() < size) {
    if (next == 0 || next > pages()) return damaged("a cell leads astray");
    cell.overflow.push_back(next);
    const std::size_t rest = std::min<std::size_t>(size - cell.payload.size(), page_size_ - 4);
    cell.payload += bytes_.substr(offset(next) + 4, rest);
    next = number(offset(next), 4);
  }
  return cell;
}

Result<SqliteFile::Cell> SqliteFile::only_cell(const std::string& name) const {
  const auto found = roots_.find(name);
  if (found == roots_.end() || found->second < 2 || found->second > pages()) {
    return damaged("it has no " + name);
  }
  const std::size_t header = offset(found->second);
  const std::uint32_t type = number(header, 1);
  if ((type != kLeafTable && type != kLeafIndex) || number(header + 3, 2) != 1) {
    return damaged(name + " has another number of rows than one");
  }
  return read_cell(found->second, header + number(header + 8, 2));
}

Result<SqliteFile::Row> SqliteFile::row(const std::string& name) const {
  const Cell cell = FCVM_TRY(only_cell(name));
  return decode_record(cell.payload);
}

Result<void> SqliteFile::replace(const std::string& name, Row row) {
  const Cell old = FCVM_TRY(only_cell(name));
  std::string payload = encode_record(row);
  // Blanks are nothing in JSON: with them no page of the old row is left over.
  while (!row.empty() && row.back().is_blob() &&
         overflow_pages(payload.size(), old.in_table) < old.overflow.size()) {
    row.back().set(row.back().bytes + std::string(page_size_ / 4, ' '));
    payload = encode_record(row);
  }
  const std::size_t count = overflow_pages(payload.size(), old.in_table);
  if (count < old.overflow.size()) return damaged(name + " would leave pages over");
  std::vector<std::uint32_t> chain = old.overflow;
  while (chain.size() < count) chain.push_back(add_page());
  const std::size_t local = local_bytes(payload.size(), old.in_table);
  std::string cell = encode(payload.size());
  if (old.in_table) cell += encode(old.rowid);
  cell += payload.substr(0, local);
  if (!chain.empty()) cell += std::string(4, '\0');
  const std::size_t page = offset(roots_.at(name));
  const std::size_t start = page_size_ - cell.size();
  const std::uint32_t type = number(page, 1);
  bytes_.replace(page, page_size_, page_size_, '\0');
  set_number(page, 1, type);
  set_number(page + 3, 2, 1);
  set_number(page + 5, 2, static_cast<std::uint32_t>(start));
  set_number(page + 8, 2, static_cast<std::uint32_t>(start));
  bytes_.replace(page + start, cell.size(), cell);
  std::size_t link = page + page_size_ - 4;
  std::size_t done = local;
  for (const std::uint32_t next : chain) {
    set_number(link, 4, next);
    link = offset(next);
    bytes_.replace(link, page_size_, page_size_, '\0');
    const std::string part = payload.substr(done, page_size_ - 4);
    bytes_.replace(link + 4, part.size(), part);
    done += part.size();
  }
  const std::uint32_t changes = number(kChangesAt, 4) + 1;
  set_number(kChangesAt, 4, changes);
  set_number(kValidForAt, 4, changes);
  return {};
}

std::size_t SqliteFile::local_bytes(std::size_t payload, bool in_table) const {
  const std::size_t most = in_table ? page_size_ - 35 : (page_size_ - 12) * 64 / 255 - 23;
  if (payload <= most) return payload;
  const std::size_t least = (page_size_ - 12) * 32 / 255 - 23;
  const std::size_t even = least + (payload - least) % (page_size_ - 4);
  return even <= most ? even : least;
}

std::size_t SqliteFile::overflow_pages(std::size_t payload, bool in_table) const {
  const std::size_t rest = payload - local_bytes(payload, in_table);
  return (rest + page_size_ - 5) / (page_size_ - 4);
}

std::uint32_t SqliteFile::add_page() {
  bytes_.append(page_size_, '\0');
  set_number(kPagesAt, 4, pages());
  return pages();
}

std::uint32_t SqliteFile::number(std::size_t at, int bytes) const {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(bytes_[at + i]);
  return value;
}

void SqliteFile::set_number(std::size_t at, int bytes, std::uint32_t value) {
  for (int i = bytes - 1; i >= 0; --i, value >>= 8) bytes_[at + i] = static_cast<char>(value);
}

Result<std::uint64_t> SqliteFile::varint(std::size_t& at) const {
  // Of nine bytes are only numbers that no sane file has.
  const std::size_t begin = at;
  if (at >= bytes_.size()) return damaged("a cell lies outside");
  const std::uint64_t value = decode(bytes_, at);
  if (at - begin > 8) return damaged("a number is too large");
  return value;
}

}  // namespace fcvm::agent
