// One line of QEMU's monitor, understood. Whatever it is not plainly is kNothing: QEMU may have
// been taken over by its guest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/vmm/qemu/binary.hpp"

namespace fcvm::qemu {

struct QmpLine {
  enum Kind { kNothing, kGreeting, kAnswer, kShutdown, kPanic, kMigration } kind = kNothing;
  Version version;       // kGreeting
  std::uint64_t id = 0;  // kAnswer
  std::string answer;    // kAnswer: JSON
  std::string error;     // kAnswer: not empty when it was refused
  std::string text;      // kShutdown: the reason; kMigration: the status
};

QmpLine parse_qmp_line(std::string_view line);

/// A number in an object of an answer, by a path of names; 0 when there is none.
std::uint64_t number_in(const std::string& answer, std::initializer_list<const char*> path);
std::string text_in(const std::string& answer, const char* name);

}  // namespace fcvm::qemu
