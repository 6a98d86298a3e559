// Talking to nf_tables, through libnftables in this process: no program is started.
#pragma once

#include <string>

#include <fcvm/result.hpp>

namespace fcvm::net {

/// Carries out nft(8) commands in the calling thread's network namespace, in one transaction: all
/// of them or none. `doing` is for the error: "making the firewall table of the VM".
Result<void> run_nft(const std::string& commands, const std::string& doing);

/// What a listing prints, as JSON.
Result<std::string> ask_nft(const std::string& command, const std::string& doing);

/// Whether the namespace has this table of the inet family.
Result<bool> has_table(const std::string& table);

/// Deletes a table of the inet family; it need not exist.
Result<void> delete_table(const std::string& table);

/// The command that does so, for a larger transaction. Deleting what is not there fails, so it is
/// made first.
std::string delete_command(const std::string& table);

}  // namespace fcvm::net
