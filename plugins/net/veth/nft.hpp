// Nft: owns a conversation with nf_tables, through libnftables in this process: no program is
// started.
#pragma once

#include <memory>
#include <string>

#include <fcvm/result.hpp>

struct nft_ctx;

namespace fcvm::net {

/// From any thread. It may be kept: to close it is to wait until the kernel has freed what was
/// deleted last, by anybody.
class Nft {
 public:
  /// With the calling thread's network namespace, wherever it is used later.
  static Result<Nft> open();

  /// Carries out nft(8) commands in one transaction: all of them or none. `doing` is for the error:
  /// "making the firewall table of the VM".
  Result<void> run(const std::string& commands, const std::string& doing);

  /// What a listing prints, as JSON.
  Result<std::string> ask(const std::string& command, const std::string& doing);

  /// Whether the namespace has this table of the inet family.
  Result<bool> has_table(const std::string& table);

  /// Deletes a table of the inet family; it need not exist.
  Result<void> delete_table(const std::string& table);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  using Context = std::unique_ptr<nft_ctx, Free>;
  explicit Nft(Context context) : context_(std::move(context)) {}
  Result<std::string> converse(const std::string& commands, const std::string& doing,
                               unsigned flags);

  Context context_;
};

/// The command that deletes a table, for a larger transaction. Deleting what is not there fails, so
/// it is made first.
std::string delete_command(const std::string& table);

}  // namespace fcvm::net
