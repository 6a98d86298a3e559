#include "core/setup/key.hpp"

#include <fcntl.h>

#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"

namespace fcvm::setup {

Result<std::string> sha256_of_file(const std::string& path) {
  const Fd file = FCVM_TRY(base::open_file(path, O_RDONLY));
  return digest::sha256_of_file(file.get()) | context("reading " + path);
}

Key& Key::add(std::string_view name, std::string_view value) {
  for (const auto part : {name, value}) {
    inputs_ += std::to_string(part.size()) + ':';
    inputs_ += part;
  }
  return *this;
}

std::string Key::text() const { return digest::sha256(inputs_).substr(0, 16); }

}  // namespace fcvm::setup
