// A network that claims a verb which is not there.
#include <fcvm/net.h>

#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t attach(void*, const fcvm_net_request*, std::int64_t, fcvm_net_attachment*,
                    const fcvm_net_report*, fcvm_error* error) {
  return base::failed(error, -ENOTSUP, "attaches nothing");
}
std::int32_t detach(void*, std::int64_t, fcvm_error*) { return 0; }
std::int32_t dial(void*, std::uint32_t, std::uint16_t, std::int64_t, std::int32_t*,
                  fcvm_error* error) {
  return base::failed(error, -ENOTCONN, "dials nothing");
}
std::int32_t health(void*, std::int32_t*, fcvm_error*) { return 0; }
fcvm_net_v1 net_verbs = {sizeof(fcvm_net_v1), 0, attach, detach, dial, nullptr, nullptr, health};
const void* verbs(const char* kind) {
  return kind != nullptr && std::string_view(kind) == FCVM_KIND_NET ? &net_verbs : nullptr;
}

}  // namespace

FCVM_BROKEN(base::descriptor.kind = FCVM_KIND_NET; base::descriptor.id = "net.broken";
            base::descriptor.capabilities = FCVM_NET_CAN_PUBLISH; plugin.verbs = verbs);
