// A network that crashes when it is dialled.
#include <csignal>

#include <fcvm/net.hpp>

namespace {

class Fragile : public fcvm::NetPlugin {
 public:
  static constexpr fcvm::Info kInfo{"net.fragile", "1.0.0", "crashes when it is dialled"};
  fcvm::Result<fcvm::NetAttachment> attach(const fcvm_net_request&, const fcvm::Call&) {
    return fcvm::NetAttachment();
  }
  fcvm::Result<fcvm::Fd> dial(std::uint32_t, std::uint16_t, const fcvm::Call&) {
    std::raise(SIGSEGV);
    return fcvm::fail(EIO, "not reached");
  }
};

}  // namespace

FCVM_EXPORT_PLUGIN(Fragile);
