// Which HTTP statuses pass: "200,204", "2xx", "200-399".
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::readiness {

class StatusSet {
 public:
  [[nodiscard]] static Result<StatusSet> parse(std::string_view text);
  [[nodiscard]] bool has(int status) const;

 private:
  std::vector<std::pair<int, int>> ranges_;
};

}  // namespace fcvm::readiness
