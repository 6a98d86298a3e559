// A network that announces a namespace and gives none: descriptor 0 would be entered.
#include <fcvm/net.hpp>

namespace {

class Zero : public fcvm::NetPlugin {
 public:
  static constexpr fcvm::Info kInfo{"net.zero", "1.0.0", "hands over standard input"};
  fcvm::Result<fcvm::NetAttachment> attach(const fcvm_net_request&, const fcvm::Call&) {
    fcvm::NetAttachment made;
    made.net_namespace = fcvm::Fd(0);
    return made;
  }
  fcvm::Result<fcvm::Fd> dial(std::uint32_t, std::uint16_t, const fcvm::Call&) {
    return fcvm::fail(ECONNREFUSED, "nobody listens");
  }
};

}  // namespace

FCVM_EXPORT_PLUGIN(Zero);
