// Trees of files for the tests of copying, and archives in memory.
#pragma once

#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/copy/pack.hpp"
#include "core/copy/transfer.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::copy {

/// A directory that goes with the test.
class Tree {
 public:
  Tree() : directory_(*base::TempDir::create()) {}

  [[nodiscard]] std::string path(const std::string& name = "") const {
    return name.empty() ? directory_.path() : directory_.path() + "/" + name;
  }
  void directory(const std::string& name) const {
    REQUIRE(base::make_directories(path(name)).has_value());
  }
  void file(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    REQUIRE(base::write_file_atomic(path(name), text, mode).has_value());
  }
  void link(const std::string& target, const std::string& name) const {
    REQUIRE(::symlink(target.c_str(), path(name).c_str()) == 0);
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    return base::read_file(path(name)).value_or("<none>");
  }
  [[nodiscard]] bool exists(const std::string& name) const {
    struct stat status {};
    return ::lstat(path(name).c_str(), &status) == 0;
  }
  [[nodiscard]] struct stat status(const std::string& name) const {
    struct stat status {};
    REQUIRE(::lstat(path(name).c_str(), &status) == 0);
    return status;
  }

 private:
  base::TempDir directory_;
};

/// A source that hands an archive over in pieces of this size.
inline Source pieces_of(const std::string& bytes, std::size_t most = SIZE_MAX) {
  return [&bytes, most, at = std::size_t{0}](std::span<char> into) mutable -> Result<std::size_t> {
    const std::size_t size = std::min({into.size(), most, bytes.size() - at});
    std::memcpy(into.data(), bytes.data() + at, size);
    at += size;
    return size;
  };
}

inline std::string packed(const std::string& path, const std::string& name,
                          std::vector<std::string>* warnings = nullptr) {
  std::string archive;
  TarWriter writer([&](std::string_view bytes) -> Result<void> {
    archive += bytes;
    return {};
  });
  const auto done = pack(path, name, writer, [&](const std::string& warning) {
    if (warnings != nullptr) warnings->push_back(warning);
  });
  REQUIRE(done.has_value());
  return archive;
}

inline Result<void> unpack_one(const std::string& archive, const std::string& path,
                               const std::string& name, const UnpackRules& rules = {}) {
  return receive_one(pieces_of(archive), path, name, rules, [](const std::string&) {});
}

/// An archive of entries without content.
inline std::string archive_of(const std::vector<TarEntry>& entries) {
  std::string archive;
  TarWriter writer([&](std::string_view bytes) -> Result<void> {
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

inline TarEntry entry(TarKind kind, const std::string& name, const std::string& link = "") {
  TarEntry made;
  made.kind = kind;
  made.name = name;
  made.link = link;
  made.mode = kind == TarKind::kDirectory ? 0755 : 0644;
  return made;
}

inline TarEntry file_entry(const std::string& name, std::uint64_t size) {
  TarEntry made = entry(TarKind::kFile, name);
  made.size = size;
  return made;
}

}  // namespace fcvm::copy
