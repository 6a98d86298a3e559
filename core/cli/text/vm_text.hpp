// How verbs show what is in a VM's record.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/base/printable.hpp"
#include "core/vm/model/record.hpp"

namespace fcvm::cli {

/// What is shown of images and guests goes through it.
using base::printable;

/// "Up 3 minutes", "Exited (0) 2 hours ago", "Paused".
[[nodiscard]] std::string status_text(const vm::Record& record, std::int64_t now);
/// "3 minutes ago".
[[nodiscard]] std::string ago(std::int64_t time_ns, std::int64_t now);
/// The command's words, cut to what a table has room for unless `whole`.
[[nodiscard]] std::string command_text(const vm::Record& record, bool whole);
/// "0.0.0.0:8080->80/tcp, ...".
[[nodiscard]] std::string ports_text(const vm::Record& record);
/// "a=1,b=2".
[[nodiscard]] std::string labels_text(const std::map<std::string, std::string>& labels);
/// "1.5GB", in powers of 1000 as podman has it.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace fcvm::cli
