// NewFiles: owns the files that a step is about to make, until the step has succeeded.
#pragma once

#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace fcvm::vmm {

/// Removes what a failed step left, but nothing that was there before it. `directory` is borrowed.
class NewFiles {
 public:
  NewFiles(int directory, std::vector<std::string> names) : directory_(directory) {
    for (std::string& name : names) {
      if (::faccessat(directory, name.c_str(), F_OK, 0) != 0) names_.push_back(std::move(name));
    }
  }
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;
  ~NewFiles() {
    for (const std::string& name : names_) ::unlinkat(directory_, name.c_str(), 0);
  }
  void keep() { names_.clear(); }

 private:
  int directory_;
  std::vector<std::string> names_;
};

}  // namespace fcvm::vmm
