// What the tests of core/vm share: a store in a directory of its own, and bytes of all kinds.
#pragma once

#include <random>
#include <string>
#include <unistd.h>
#include <utility>

#include "core/base/io/temp_dir.hpp"
#include "core/vm/store/store.hpp"
#include "tests/support/must.hpp"

namespace fcvm::vm {

struct Scratch {
  base::TempDir directory = must(base::TempDir::create());
  Store store{Paths{directory.path() + "/data", directory.path() + "/run"}};
};

inline std::string random_bytes(std::mt19937& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random() & 0xffU);
  return bytes;
}

inline Record named(const std::string& name) {
  Record record;
  record.name = name;
  record.image = "fcvm/hello";
  return record;
}

}  // namespace fcvm::vm
