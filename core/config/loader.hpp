// The work of load(), in the order of its methods.
#pragma once

#include <memory>

#include "core/config/config.hpp"
#include "core/config/load.hpp"
#include "core/config/profiles.hpp"
#include "core/config/sources.hpp"

namespace fcvm::config {

class Loader {
 public:
  Loader(const LoadRequest& request, Problems& problems);

  [[nodiscard]] Config run();

 private:
  void read_files();
  void check_top_level();
  void check_top_level(const Document& document, const Member& member);
  void check_assignments();
  void build(const OptionTable& table, const Profiles& profiles);
  void select_profile();
  void warn_of_variables();

  const LoadRequest& request_;
  Problems& problems_;
  std::shared_ptr<Sources> sources_ = std::make_shared<Sources>();
  Config config_{sources_};
  Origin profile_asked_by_{};
};

}  // namespace fcvm::config
