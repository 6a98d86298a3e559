// What a helper program gives up once it has started: it deals with what a hostile guest sends, and
// needs nothing but the descriptors that it has.
#pragma once

#include <fcvm/result.hpp>

namespace fcvm::net {

/// No capability, none to be got back by exec, not to be traced or looked into, no file to be
/// opened any more (where the kernel has Landlock), no call that makes or enters namespaces, mounts
/// or changes the machine; and for root, where this user namespace has
/// another user to be, that of nobody, so that no file of root's is open to it. For a process of
/// one thread.
Result<void> give_up_privileges();

/// Whether this process may enter the namespaces of others, whoever's they are.
[[nodiscard]] bool may_enter_namespaces();

}  // namespace fcvm::net
