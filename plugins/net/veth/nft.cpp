// See nft.hpp.
#include "plugins/net/veth/nft.hpp"

#include <cerrno>
#include <memory>
#include <mutex>
#include <nftables/libnftables.h>

namespace fcvm::net {

namespace {

struct FreeContext {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};
using Context = std::unique_ptr<nft_ctx, FreeContext>;

/// libnftables keeps some of its parser's state outside of its contexts.
std::mutex& one_at_a_time() {
  static std::mutex mutex;
  return mutex;
}

/// The library explains at length, with the source line and a row of carets; the first line says
/// it.
std::string first_line(const char* text) {
  const std::string all = text == nullptr ? "" : text;
  return all.substr(0, all.find('\n'));
}

Unexpected refused(const std::string& doing, const std::string& said) {
  const int code = errno != 0 ? errno : EINVAL;
  const std::string why = said.empty() ? "nf_tables refused it" : said;
  if (code == EPERM) return fail(EPERM, doing + ": " + why, "run fcvm as root");
  return fail(code, doing + ": " + why,
              "`modprobe nf_tables nft_chain_nat`; the kernel needs nf_tables with NAT");
}

Result<std::string> run(const std::string& commands, const std::string& doing, unsigned flags) {
  const std::lock_guard lock(one_at_a_time());
  // Its netlink socket belongs to the namespace in which it is made: so one for each run.
  const Context context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context) return fail(ENOMEM, doing + ": libnftables could not start");
  nft_ctx_output_set_flags(context.get(), flags);
  if (nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0) {
    return fail(ENOMEM, doing + ": out of memory");
  }
  errno = 0;
  if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) != 0) {
    return refused(doing, first_line(nft_ctx_get_error_buffer(context.get())));
  }
  const char* output = nft_ctx_get_output_buffer(context.get());
  return std::string(output == nullptr ? "" : output);
}

}  // namespace

Result<void> run_nft(const std::string& commands, const std::string& doing) {
  const auto done = run(commands, doing, 0);
  if (!done) return unexpected(done.error());
  return {};
}

Result<std::string> ask_nft(const std::string& command, const std::string& doing) {
  return run(command, doing, NFT_CTX_OUTPUT_JSON);
}

Result<bool> has_table(const std::string& table) {
  const std::string all = FCVM_TRY(run("list tables inet", "listing the firewall's tables", 0));
  return ("\n" + all).find("\ntable inet " + table + "\n") != std::string::npos;
}

std::string delete_command(const std::string& table) {
  return "add table inet " + table + "\ndelete table inet " + table + "\n";
}

Result<void> delete_table(const std::string& table) {
  return run_nft(delete_command(table), "deleting the firewall table " + table);
}

}  // namespace fcvm::net
