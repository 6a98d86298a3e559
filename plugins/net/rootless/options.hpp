// What a user may set for net.rootless: [plugin."net.rootless"] in TOML.
#pragma once

#include <string>

#include <fcvm/sdk/options.hpp>

namespace fcvm::rootless {

struct Options {
  std::string pasta = "pasta";

  static auto table() {
    return fcvm::options(
        fcvm::option("pasta", &Options::pasta, "the pasta program: a path, or a name in PATH"));
  }
};

}  // namespace fcvm::rootless
