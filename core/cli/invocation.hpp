// Invocation: one run of a verb: what was typed, and what verbs share, made when first asked for,
// so that a command pays only for what it uses.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/cli/command_line.hpp"
#include "core/cli/layout.hpp"
#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::cli {

class Invocation {
 public:
  Invocation(CommandLine line, Layout layout)
      : line_(std::move(line)), layout_(std::move(layout)) {}

  [[nodiscard]] const std::vector<std::string>& positionals() const { return line_.positionals; }
  [[nodiscard]] bool given(std::string_view option) const;
  /// A flag that is given, and not as --flag=false.
  [[nodiscard]] bool flag(std::string_view option) const;
  /// The last text given, or `otherwise`.
  [[nodiscard]] std::string value(std::string_view option, std::string_view otherwise = "") const;
  [[nodiscard]] std::vector<std::string> values(std::string_view option) const;

  [[nodiscard]] const Layout& layout() const { return layout_; }
  /// How core/config is to load: all layers of this installation under this command line.
  [[nodiscard]] Result<config::LoadRequest> load_request() const;

  /// The effective configuration; [plugin.*] is checked once registry() was asked for.
  [[nodiscard]] Result<config::Config*> config();
  /// Every plugin there is; with the configuration's plugin sections checked against them.
  [[nodiscard]] Result<const plugin::Registry*> registry();

  /// The VMs of [paths] data-dir and runtime-dir; the latter exists then.
  [[nodiscard]] Result<vm::Store*> store();
  /// Every VM as it is: what killed supervisors left is cleaned up first.
  [[nodiscard]] Result<std::vector<vm::Record>> records();

  /// Puts the VM that was created last before the other words, where --latest asks for it.
  [[nodiscard]] Result<void> name_latest();

 private:
  [[nodiscard]] Result<config::Config> load(const config::LoadRequest& request) const;

  CommandLine line_;
  Layout layout_;
  std::optional<config::Config> config_;
  std::optional<plugin::Registry> registry_;
  std::optional<vm::Store> store_;
};

}  // namespace fcvm::cli
