// The command line of fcvm-plugin-check.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::check {

struct Arguments {
  std::vector<std::string> files;
  std::vector<std::string> cases;  // none: all
  std::vector<std::pair<std::string, std::string>> settings;
  std::chrono::milliseconds timeout{0};
  bool json = false;
  bool strict = false;
  bool list = false;
  bool help = false;
  bool version = false;
};

[[nodiscard]] Result<Arguments> parse_arguments(int argc, char** argv);
extern const char* const kHelp;

}  // namespace fcvm::check
