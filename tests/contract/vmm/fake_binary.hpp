// The fake Firecracker under a name of its own for each version and way of misbehaving, since the
// plugin remembers a file's version.
#pragma once

#include <string>
#include <sys/stat.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/contract/vmm/machine.hpp"

namespace fcvm::test {

class FakeBinary {
 public:
  explicit FakeBinary(int minor, const std::string& mode = "well", std::string suffix = "")
      : minor_(minor), suffix_(std::move(suffix)), directory_(*base::TempDir::create()) {
    const std::string script = std::string("#!/bin/sh\nexec '") + FCVM_TEST_FAKE_FIRECRACKER +
                               "' --fake '" + std::to_string(minor) + suffix_ + ":" + mode +
                               "' \"$@\"\n";
    REQUIRE(base::write_file_atomic(path(), script, 0755));
  }
  [[nodiscard]] std::string path() const { return directory_.path() + "/firecracker"; }
  [[nodiscard]] Subject subject() const {
    Subject made;
    made.name = "fake Firecracker 1." + std::to_string(minor_);
    made.object = FCVM_TEST_FIRECRACKER_PLUGIN;
    made.texts["binary"] = path();
    made.version = "firecracker 1." + std::to_string(minor_) + ".1" + suffix_;
    made.snapshots = true;
    return made;
  }

 private:
  int minor_;
  std::string suffix_;
  base::TempDir directory_;
};

}  // namespace fcvm::test
