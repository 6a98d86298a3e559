// A shared object as a file: whether it is whole, whom it is for and what it exports. Reads the
// file only; nothing of it is run.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::check {

class ElfFile {
 public:
  /// Fails unless the file is a whole shared object for this machine.
  static Result<ElfFile> open(const std::string& path);

  /// Names of the dynamic symbols that other objects can bind to.
  [[nodiscard]] std::vector<std::string> exported() const;

 private:
  explicit ElfFile(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] Result<void> check_header() const;
  [[nodiscard]] Result<void> check_whole() const;
  template <typename T>
  [[nodiscard]] T at(std::size_t offset) const;
  template <typename T>
  [[nodiscard]] std::vector<T> table(std::size_t offset, std::size_t count) const;

  std::string bytes_;
};

}  // namespace fcvm::check
