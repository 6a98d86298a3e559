// See services.hpp.
#include "agent/services.hpp"

#include "agent/log.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::agent {

void Services::serve(std::uint32_t port, base::Fd socket) {
  switch (port) {
    case wire::kControlPort:
      return control_.serve(std::move(socket));
    case wire::kOutputPort:
      return output_.serve(std::move(socket));
    case wire::kExecPort:
      return exec_.serve(std::move(socket));
    case wire::kForwardPort:
      return forward_.serve(std::move(socket));
    default:
      log_line("nothing listens on guest port " + std::to_string(port));
  }
}

}  // namespace fcvm::agent
