// Trees of files for the tests of copying.
#pragma once

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
#include "tests/unit/tar/archives.hpp"

namespace fcvm::copy {

using namespace tar::tests;

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

inline std::string packed(const std::string& path, const std::string& name,
                          std::vector<std::string>* warnings = nullptr) {
  std::string archive;
  tar::Writer writer([&](std::string_view bytes) -> Result<void> {
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

}  // namespace fcvm::copy
