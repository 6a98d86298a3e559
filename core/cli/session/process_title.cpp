// See process_title.hpp.
#include "core/cli/session/process_title.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace fcvm::cli {
namespace {

// The kernel lays the arguments one behind the other; their memory is the program's to write.
std::span<char> room;

}  // namespace

void remember_arguments(int argc, char** argv) {
  if (argc == 0) return;
  char* end = argv[0];
  // A libc or a debugger may have moved some: only what is in one piece is ours.
  for (int i = 0; i < argc && argv[i] == end; ++i) end += std::strlen(argv[i]) + 1;
  room = {argv[0], end};
}

void hide_value(std::string_view variable) {
  const std::size_t equals = variable.find('=');
  if (equals == std::string_view::npos || equals + 1 == variable.size()) return;
  auto from = room.begin();
  while ((from = std::search(from, room.end(), variable.begin(), variable.end())) != room.end()) {
    const auto end = from + static_cast<std::ptrdiff_t>(variable.size());
    std::fill(from + static_cast<std::ptrdiff_t>(equals) + 1, end, '*');
    from = end;
  }
}

void set_process_title(std::string_view title) {
  if (room.empty()) return;
  std::ranges::fill(room, '\0');
  std::ranges::copy(title.substr(0, room.size() - 1), room.begin());
}

}  // namespace fcvm::cli
