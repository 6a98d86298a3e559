// A file system root of its own for each test, and the text of a load's error.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>

#include "core/config/load.hpp"

namespace fcvm::config {

class Tree {
 public:
  Tree() {
    std::string name = (std::filesystem::temp_directory_path() / "fcvm-config-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    root_ = name;
    variables_ = {{"FCVM_CONFIG_ROOT", name}, {"HOME", name + "/home"}};
    request.environment = Environment(variables_);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() { std::filesystem::remove_all(root_); }

  /// Writes a file below the root and answers its path.
  std::string write(const std::string& name, const std::string& text) {
    const std::string file = path(name);
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  std::string system(const std::string& text) { return write("etc/fcvm/fcvm.toml", text); }

  [[nodiscard]] std::string path(const std::string& name) const { return (root_ / name).string(); }

  void set(const std::string& name, const std::string& value) {
    variables_[name] = value;
    request.environment = Environment(variables_);
  }
  void option(const std::string& section, const std::string& name, const std::string& text,
              const std::string& spelled = {}) {
    request.command_line.push_back({section, name, text, spelled});
  }

  [[nodiscard]] Config config() const {
    Result<Config> loaded = load(request);
    if (!loaded) throw std::runtime_error(loaded.error().message());
    return *std::move(loaded);
  }
  [[nodiscard]] std::string error() const {
    const Result<Config> loaded = load(request);
    return loaded ? "no error" : loaded.error().message();
  }

  LoadRequest request{};

 private:
  std::filesystem::path root_;
  std::map<std::string, std::string> variables_;
};

/// A plugin as the registry would show it.
inline const OptionTable& rootless_table() {
  static const OptionTable table{"",
                                 "test",
                                 {{.name = "mtu",
                                   .type = Type::kInteger,
                                   .initial = "1500",
                                   .environment = {"FCVM_MTU"}},
                                  {.name = "token", .secret = true, .required = true},
                                  {.name = "extra", .type = Type::kMap, .secret = true}}};
  return table;
}

inline PluginTables plugins() {
  return {[](std::string_view id) { return id == "net.rootless" ? &rootless_table() : nullptr; },
          [] { return std::vector<std::string>{"net.rootless"}; }};
}

}  // namespace fcvm::config
