// SqliteFile: an SQLite database in memory, as far as podman's with one container needs it: tables
// whose only row is replaced, with the indexes that SQLite made for it.
//
// Not the library, which is as large as the agent, and of which a start would use a hundredth. What
// is not as podman's database is today is refused, and the caller leaves the start to podman.
// https://www.sqlite.org/fileformat.html
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::agent {

class SqliteFile {
 public:
  struct Value {
    std::uint64_t type = 0;  // as a record's header has it
    std::string bytes;

    [[nodiscard]] bool is_text() const { return type >= 13 && type % 2 == 1; }
    [[nodiscard]] bool is_blob() const { return type >= 12 && type % 2 == 0; }
    /// Stays text, or a blob.
    void set(std::string text);
  };
  using Row = std::vector<Value>;

  static Result<SqliteFile> open(std::string bytes);

  /// The only row of a table, or of an index.
  [[nodiscard]] Result<Row> row(const std::string& name) const;
  /// Takes the only row's place.
  Result<void> replace(const std::string& name, Row row);

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  struct Cell {
    bool in_table = false;
    std::uint64_t rowid = 0;
    std::string payload;
    std::vector<std::uint32_t> overflow;  // the pages that it goes on in
  };

  explicit SqliteFile(std::string bytes) : bytes_(std::move(bytes)) {}

  Result<void> read_header();
  Result<void> read_schema(std::uint32_t page, std::set<std::uint32_t>& seen);
  [[nodiscard]] Result<Cell> read_cell(std::uint32_t page, std::size_t at) const;
  [[nodiscard]] Result<Cell> only_cell(const std::string& name) const;
  [[nodiscard]] std::size_t local_bytes(std::size_t payload, bool in_table) const;
  [[nodiscard]] std::size_t overflow_pages(std::size_t payload, bool in_table) const;
  std::uint32_t add_page();
  [[nodiscard]] std::uint32_t number(std::size_t at, int bytes) const;
  void set_number(std::size_t at, int bytes, std::uint32_t value);
  [[nodiscard]] Result<std::uint64_t> varint(std::size_t& at) const;
  [[nodiscard]] std::size_t offset(std::uint32_t page) const { return (page - 1) * page_size_; }
  [[nodiscard]] std::uint32_t pages() const {
    return static_cast<std::uint32_t>(bytes_.size() / page_size_);
  }

  std::string bytes_;
  std::size_t page_size_ = 0;
  std::map<std::string, std::uint32_t> roots_;
};

}  // namespace fcvm::agent
