// Taking the limits, the identity and the seccomp filter of a command.
#pragma once

#include "agent/process/enter/request.hpp"

namespace fcvm::agent::enter {

/// Where the parts of a packet lie.
struct Packet {
  const Request* request;
  const Limit* limits;
  const sock_filter* filter;
  const std::uint32_t* groups;
  const char* workdir;
};

/// Tells the agent why the command does not run, and ends.
[[noreturn]] void give_up(Step step, long error);

void set_limits(const Packet& packet);
void take_identity(const Packet& packet);

}  // namespace fcvm::agent::enter
