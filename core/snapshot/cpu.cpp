// See cpu.hpp.
#include "core/snapshot/cpu.hpp"

#include <set>
#include <sstream>

#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"

namespace fcvm::snapshot {
namespace {

/// Of the first processor; "" where there is none of that name.
std::string value_of(std::string_view text, std::string_view name) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(name)) continue;
    const auto end_of_name = line.find_last_not_of(" \t", colon - 1) + 1;
    if (end_of_name != name.size()) continue;
    const auto begin = line.find_first_not_of(' ', colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

}  // namespace

Cpu cpu_of(std::string_view cpuinfo) {
  Cpu cpu;
  cpu.model = value_of(cpuinfo, "model name");
  std::string flags = value_of(cpuinfo, "flags");
  if (flags.empty()) flags = value_of(cpuinfo, "Features");  // Arm's
  std::istringstream words(flags);
  std::set<std::string> sorted;
  for (std::string word; words >> word;) sorted.insert(word);
  digest::Sha256 digest;
  for (const auto& word : sorted) digest.add(word + ' ');
  cpu.features = digest.text();
  return cpu;
}

Result<Cpu> host_cpu() { return cpu_of(FCVM_TRY(base::read_file("/proc/cpuinfo"))); }

}  // namespace fcvm::snapshot
