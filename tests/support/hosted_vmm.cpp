// vmm.hosted: a VMM for tests of the command line, in which a container is a process of the host.
#include "tests/support/hosted_vmm.hpp"

#include <fcvm/vmm.hpp>

namespace {

struct Options {
  std::string agent;
  static auto table() {
    return fcvm::options(
        fcvm::option("agent", &Options::agent, "fc-agent-hosted, or a stand-in").required());
  }
};

class Hosted : public fcvm::tests::HostedVmm {
 public:
  using Options = ::Options;
  static constexpr fcvm::Info kInfo{"vmm.hosted", "1.0.0",
                                    "an agent that is a process of the host"};

  Hosted(fcvm::Host host, Options options) : HostedVmm(host, {options.agent, "."}) {}
};

}  // namespace

FCVM_EXPORT_PLUGIN(Hosted);
