// A plugin of somebody else's project, which knows fcvm as an installed package only.
#include <fcvm/net.hpp>

class Consumer : public fcvm::NetPlugin {
 public:
  static constexpr fcvm::Info kInfo{"net.consumer", "2.0.1", "built outside the tree"};

  fcvm::Result<fcvm::NetAttachment> attach(const fcvm_net_request&, const fcvm::Call&) {
    return fcvm::NetAttachment();
  }
  fcvm::Result<fcvm::Fd> dial(std::uint32_t, std::uint16_t, const fcvm::Call&) {
    return fcvm::fail(ENETUNREACH, "no network");
  }
};
FCVM_EXPORT_PLUGIN(Consumer);
