// What `podman inspect` says of how a container was made: from its VM's plan and from its image.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/vm/model/run_plan.hpp"

namespace fcvm::cli {

class ContainerJson {
 public:
  /// `image` is its configuration, anybody's words; what cannot be read of it is left out.
  ContainerJson(const vm::RunPlan& plan, std::string_view image);

  /// Members of Config, without those that need no plan.
  [[nodiscard]] nlohmann::ordered_json config() const;
  /// Likewise of HostConfig.
  [[nodiscard]] nlohmann::ordered_json host_config() const;
  [[nodiscard]] nlohmann::ordered_json mounts() const;
  /// Entry point and command: Path and Args.
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

 private:
  [[nodiscard]] std::vector<std::string> environment() const;
  [[nodiscard]] std::vector<std::string> option(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::string text_of_image(const char* name) const;
  [[nodiscard]] std::vector<std::string> list_of_image(const char* name) const;

  const vm::RunPlan& plan_;
  nlohmann::ordered_json image_;  // the part of it that is about containers
  std::vector<std::string> entrypoint_;
  std::vector<std::string> command_;
  std::vector<std::string> words_;
};

}  // namespace fcvm::cli
