// Descriptors that a plugin hands over: whether they are what the law says.
#pragma once

#include <string>
#include <string_view>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::plugin {

/// Owns `fd` from here on. EPROTO, naming the plugin, for a standard stream or for what is not
/// open. One that would leak into children, or does not block, is put right, and the plugin blamed
/// in the log. `what` is "the stream of dial".
[[nodiscard]] Result<base::Fd> take_descriptor(std::string_view plugin_id, std::string_view what,
                                               int fd);

}  // namespace fcvm::plugin
