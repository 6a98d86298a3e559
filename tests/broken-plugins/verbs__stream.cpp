// A network whose streams do not block.
#include <sys/socket.h>

#include <fcvm/net.hpp>

namespace {

class Hasty : public fcvm::NetPlugin {
 public:
  static constexpr fcvm::Info kInfo{"net.hasty", "1.0.0", "hands over streams that do not block"};
  fcvm::Result<fcvm::NetAttachment> attach(const fcvm_net_request&, const fcvm::Call&) {
    return fcvm::NetAttachment();
  }
  fcvm::Result<fcvm::Fd> dial(std::uint32_t, std::uint16_t, const fcvm::Call&) {
    return fcvm::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
};

}  // namespace

FCVM_EXPORT_PLUGIN(Hasty);
