// net.null: a VM without a network. The least that a network plugin can be.
#include <fcvm/net.hpp>

class Null : public fcvm::NetPlugin {
 public:
  static constexpr fcvm::Info kInfo{"net.null", "1.0.0", "no network at all"};

  fcvm::Result<fcvm::NetAttachment> attach(const fcvm_net_request&, const fcvm::Call&) {
    return fcvm::NetAttachment();  // no namespace and no tap, so the VM is given no NIC
  }
  fcvm::Result<fcvm::Fd> dial(std::uint32_t, std::uint16_t port, const fcvm::Call&) {
    return fcvm::fail(ENETUNREACH, "dialing port " + std::to_string(port) + ": no network",
                      "choose another --network");
  }
};
FCVM_EXPORT_PLUGIN(Null);
