// What makes this guest a different one from its clones: clock, randomness, names.
#pragma once

#include <cstdint>
#include <string>

#include <fcvm/result.hpp>

namespace fcvm::agent {

Result<void> set_clock(std::int64_t realtime_ns);
/// Credits the bytes to the kernel's pool and makes it reseed at once.
Result<void> add_entropy(const std::string& entropy);
/// Empty: unchanged.
Result<void> set_hostname(const std::string& hostname);
/// Empty: makes one, unless there is one.
Result<void> set_machine_id(const std::string& machine_id);
/// Some 128 random bits in hexadecimal.
std::string random_name();

}  // namespace fcvm::agent
