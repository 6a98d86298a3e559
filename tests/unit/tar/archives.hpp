// Archives in memory, for the tests of tar and of copying.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "core/tar/header.hpp"
#include "core/tar/reader.hpp"
#include "core/tar/writer.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::tar::tests {

/// A source that hands an archive over in pieces of this size.
inline Source pieces_of(const std::string& bytes, std::size_t most = SIZE_MAX) {
  return [&bytes, most, at = std::size_t{0}](std::span<char> into) mutable -> Result<std::size_t> {
    const std::size_t size = std::min({into.size(), most, bytes.size() - at});
    std::memcpy(into.data(), bytes.data() + at, size);
    at += size;
    return size;
  };
}

/// An archive of entries without content.
inline std::string archive_of(const std::vector<Entry>& entries) {
  std::string archive;
  Writer writer([&](std::string_view bytes) -> Result<void> {
    archive += bytes;
    return {};
  });
  for (const auto& entry : entries) {
    REQUIRE(writer.begin(entry).has_value());
    REQUIRE(writer.write(std::string(data_size(entry), 'x')).has_value());
  }
  REQUIRE(writer.finish().has_value());
  return archive;
}

inline Entry entry(Kind kind, const std::string& name, const std::string& link = "") {
  Entry made;
  made.kind = kind;
  made.name = name;
  made.link = link;
  made.mode = kind == Kind::kDirectory ? 0755 : 0644;
  return made;
}

inline Entry file_entry(const std::string& name, std::uint64_t size) {
  Entry made = entry(Kind::kFile, name);
  made.size = size;
  return made;
}

}  // namespace fcvm::tar::tests
