// See tail.hpp.
#include "plugins/vmm/common/tail.hpp"

#include "core/base/io/rotating_file.hpp"
#include "core/base/printable.hpp"

namespace fcvm::vmm {

std::string tail_of(int directory_fd, const std::string& name, std::size_t limit) {
  std::string text = base::last_bytes_of(directory_fd, name, limit);
  if (text.size() == limit && text.find('\n') + 1 < text.size()) text.erase(0, text.find('\n') + 1);
  text = base::printable(text, base::Newlines::kKept);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string kernel_panic_in(std::string_view console) {
  const auto at = console.rfind("Kernel panic - not syncing");
  const auto end = console.rfind("end Kernel panic");
  const auto begin =
      end != std::string_view::npos && at > end ? console.rfind("Kernel panic", end) : at;
  if (begin == std::string_view::npos) return {};
  const auto line = console.substr(begin, console.find('\n', begin) - begin);
  return std::string(line.substr(0, 160));
}

}  // namespace fcvm::vmm
