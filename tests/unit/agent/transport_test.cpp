#include "agent/transport/transport.hpp"

#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

sockaddr_vm peer(unsigned cid) {
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = cid;
  return address;
}

TEST_CASE("over vsock the host alone is served, not the guest itself nor another VM") {
  CHECK(may_serve(peer(VMADDR_CID_HOST)));
  CHECK_FALSE(may_serve(peer(VMADDR_CID_LOCAL)));
  CHECK_FALSE(may_serve(peer(VMADDR_CID_HYPERVISOR)));
  CHECK_FALSE(may_serve(peer(VMADDR_CID_ANY)));
  CHECK_FALSE(may_serve(peer(3)));
  CHECK_FALSE(may_serve(peer(4)));
}

TEST_CASE("a peer that has gone, or is of another family, is nobody") {
  sockaddr_vm address{};
  CHECK_FALSE(may_serve(address));
  address.svm_family = AF_UNIX;
  CHECK_FALSE(may_serve(address));
}

}  // namespace
}  // namespace fcvm::agent
