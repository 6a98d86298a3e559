// --filter KEY=VALUE: which VMs a verb is about.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/config/option.hpp"
#include "core/vm/model/record.hpp"

namespace fcvm::cli {

class VmFilter {
 public:
  [[nodiscard]] static Result<VmFilter> parse(const std::vector<std::string>& texts);

  /// Filters of one key are alternatives, but labels must all be there, as in podman.
  [[nodiscard]] bool passes(const vm::Record& record) const;
  /// Whether it asks for VMs in a certain phase: then those that have exited are meant, too.
  [[nodiscard]] bool is_by_status() const;

 private:
  struct Term {
    std::string key;
    std::string value;
  };
  [[nodiscard]] static bool passes(const vm::Record& record, const Term& term);

  std::vector<Term> terms_;
};

[[nodiscard]] config::Option filter_option(std::string help);

}  // namespace fcvm::cli
