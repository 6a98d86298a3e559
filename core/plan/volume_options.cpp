// See volume_options.hpp.
#include "core/plan/volume_options.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include <fmt/core.h>

#include "core/wire/map.hpp"

namespace fcvm::plan {
namespace {

namespace fs = std::filesystem;

constexpr const char* kForm = "write HOST-DIRECTORY:CONTAINER-DIRECTORY[:ro]";
/// Many more, and the guest's kernel and memory would be about nothing else.
constexpr std::size_t kMostMaps = 64;

struct Words {
  std::string host;
  std::string container;
  std::string options;
};

Result<Words> split(const std::string& value) {
  Words words;
  const auto first = value.find(':');
  if (first == std::string::npos) {
    return fail(ENOTSUP, fmt::format("\"{}\" names no directory of this host", value), kForm);
  }
  const auto second = value.find(':', first + 1);
  words.host = value.substr(0, first);
  words.container = value.substr(first + 1, second - first - 1);
  if (second != std::string::npos) words.options = value.substr(second + 1);
  return words;
}

Result<void> take_option(std::string_view option, vm::MapPlan& map) {
  if (option == "ro") {
    map.read_only = true;
  } else if (option == "rw") {
    map.read_only = false;
  } else if (option != "z" && option != "Z") {
    // Those two label files for SELinux, which no guest has.
    return fail(ENOTSUP, fmt::format("there is no option \"{}\" of a mapped directory", option),
                "there are ro, rw, z and Z");
  }
  return {};
}

Result<void> take_options(std::string_view options, vm::MapPlan& map) {
  while (!options.empty()) {
    const auto comma = std::min(options.find(','), options.size());
    FCVM_TRY(take_option(options.substr(0, comma), map));
    options.remove_prefix(std::min(comma + 1, options.size()));
  }
  return {};
}

Result<std::string> host_directory(const std::string& host) {
  // As podman has it: what does not look like a path is the name of a volume.
  if (!host.starts_with('/') && !host.starts_with('.')) {
    return fail(ENOTSUP, fmt::format("\"{}\" is no path, and there are no named volumes yet", host),
                fmt::format("write ./{} for a directory of this host", host));
  }
  std::error_code error;
  const auto path = fs::canonical(host, error);
  if (error) {
    return fail(error.value(), fmt::format("{}: {}", host, error.message()), "mkdir " + host);
  }
  if (!fs::is_directory(path)) {
    return fail(ENOTDIR, fmt::format("{} is not a directory, and only those can be mapped", host),
                "map the directory that it is in");
  }
  return path.string();
}

Result<std::string> container_directory(const std::string& container) {
  const std::string path = fs::path(container).lexically_normal().string();
  if (!container.starts_with('/') || path == "/") {
    return fail(EINVAL, fmt::format("\"{}\" is not a path below / of the container", container),
                kForm);
  }
  return path.back() == '/' ? path.substr(0, path.size() - 1) : path;
}

Result<vm::MapPlan> map_plan(const std::string& value) {
  const auto words = FCVM_TRY(split(value));
  vm::MapPlan map;
  FCVM_TRY(take_options(words.options, map));
  map.container = FCVM_TRY(container_directory(words.container));
  map.host = FCVM_TRY(host_directory(words.host));
  return map;
}

}  // namespace

Result<std::vector<vm::MapPlan>> map_plans(const config::Config& config) {
  std::vector<vm::MapPlan> maps;
  for (const auto& value : config.list("run", "volume")) {
    auto map = FCVM_TRY(map_plan(value) | context("--volume " + value));
    const auto same = [&](const vm::MapPlan& other) { return other.container == map.container; };
    if (std::any_of(maps.begin(), maps.end(), same)) {
      return fail(EINVAL, fmt::format("--volume: {} is given twice", map.container),
                  "give each its own place in the container");
    }
    maps.push_back(std::move(map));
  }
  if (maps.size() > kMostMaps) {
    return fail(E2BIG, fmt::format("--volume: more than {} directories", kMostMaps),
                "map a directory that contains several of them");
  }
  return maps;
}

std::string guest_volume(const vm::MapPlan& map, std::size_t number) {
  return wire::map_mountpoint(number) + ":" + map.container + (map.read_only ? ":ro" : "");
}

}  // namespace fcvm::plan
