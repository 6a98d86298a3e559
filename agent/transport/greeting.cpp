// The agent's hello; see greeting.hpp.
#include "agent/transport/greeting.hpp"

#include "core/wire/copy.hpp"
#include "core/wire/files.hpp"

namespace fcvm::agent {

std::string& Greeting::instance() {
  static std::string name;
  return name;
}

wire::Hello Greeting::ours() {
  wire::Hello hello;
  hello.software = "fc-agent " FCVM_VERSION;
  hello.instance = instance();
  hello.abilities = {wire::kCopyAbility, wire::kFilesAbility};
  return hello;
}

Result<bool> Greeting::take(const wire::Frame& frame) {
  if (heard_) return false;
  const auto theirs = FCVM_TRY(wire::decode<wire::Hello>(frame));
  static_cast<void>(FCVM_TRY(wire::negotiate(ours(), theirs)));
  heard_ = true;
  return true;
}

}  // namespace fcvm::agent
