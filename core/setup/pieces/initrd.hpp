// The initrd: fc-agent as /init, /modules/order and the modules it names, /dev/console.
//
// It is all that a kernel gets before the guest's root is mounted, and not compressed, since
// unpacking would cost each start more than reading it from the page cache does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/setup/pieces/job.hpp"
#include "core/setup/pieces/modules.hpp"

namespace fcvm::setup {

inline constexpr std::string_view kInitrdFormat = "1";

[[nodiscard]] std::string make_initrd(std::string_view agent, const std::vector<Module>& modules);
/// The piece with the file `initrd`, of the modules in the piece `kernel`.
[[nodiscard]] Result<Piece> make_initrd_piece(const Job& job, const Piece& kernel);

}  // namespace fcvm::setup
