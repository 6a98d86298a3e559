// What the tests of core/base share: running a program and reading what it says.
#pragma once

#include <string>
#include <utility>

#include "core/base/io/pipe.hpp"
#include "core/base/process/spawn.hpp"
#include "tests/support/must.hpp"
#include "tests/support/shell_code.hpp"

namespace fcvm::base {

inline SpawnOptions shell(const std::string& script) {
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", script};
  return options;
}

struct Output {
  std::string text;
  int code;
};

/// Runs to the end, with the program's standard output in a pipe.
inline Output output_of(SpawnOptions options) {
  Pipe pipe = must(Pipe::create());
  options.stdout_fd = pipe.write_end.get();
  Child child = must(spawn(options));
  must(pipe.write_end.close());
  std::string text = must(read_all(pipe.read_end.get(), 1 << 20));
  return {std::move(text), shell_code(must(child.wait()))};
}

}  // namespace fcvm::base
