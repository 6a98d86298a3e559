// What a user may set for a plugin that fetches images: [plugin."image.overlay"] in TOML.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fcvm/sdk/options.hpp>

namespace fcvm::archive {

struct Options {
  std::string skopeo = "skopeo";
  std::string registry;
  std::vector<std::string> insecure_registries;
  std::int64_t largest_archive = 65536;
  std::string plugin{};  // its id, which is no option: whose options these are

  static auto table() {
    return fcvm::options(
        fcvm::option("skopeo", &Options::skopeo, "the skopeo program: a path, or a name in PATH"),
        fcvm::option("registry", &Options::registry,
                     "the registry of a name that does not say one, such as alpine; empty: as "
                     "registries.conf says, else docker.io"),
        fcvm::option("insecure-registries", &Options::insecure_registries,
                     "registries (host or host:port) to talk to without verified TLS"),
        fcvm::option("largest-archive", &Options::largest_archive,
                     "MiB to which a compressed archive may unpack, where there is room"));
  }
};

}  // namespace fcvm::archive
