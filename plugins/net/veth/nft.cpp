// See nft.hpp.
#include "plugins/net/veth/nft.hpp"

#include <cerrno>
#include <mutex>
#include <nftables/libnftables.h>

namespace fcvm::net {

namespace {

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

Unexpected refused(int from_kernel, const std::string& doing, const std::string& said) {
  const int code = from_kernel != 0 ? from_kernel : EINVAL;
  const std::string why = said.empty() ? "nf_tables refused it" : said;
  if (code == EPERM) return fail(EPERM, doing + ": " + why, "run fcvm as root");
  return fail(code, doing + ": " + why,
              "modprobe -a nf_tables nft_chain_nat nft_socket nft_reject_inet");
}

}  // namespace

void Nft::Free::operator()(nft_ctx* context) const { nft_ctx_free(context); }

Result<Nft> Nft::open() {
  const std::lock_guard lock(one_at_a_time());
  Context context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context || nft_ctx_buffer_output(context.get()) != 0 ||
      nft_ctx_buffer_error(context.get()) != 0) {
    return fail(ENOMEM, "talking to nf_tables: libnftables could not start");
  }
  return Nft(std::move(context));
}

Result<std::string> Nft::converse(const std::string& commands, const std::string& doing,
                                  unsigned flags) {
  const std::lock_guard lock(one_at_a_time());
  nft_ctx_output_set_flags(context_.get(), flags);
  errno = 0;
  const int done = nft_run_cmd_from_buffer(context_.get(), commands.c_str());
  const int code = errno;
  // Both are taken each time, which empties them.
  const std::string said = first_line(nft_ctx_get_error_buffer(context_.get()));
  const char* output = nft_ctx_get_output_buffer(context_.get());
  if (done != 0) return refused(code, doing, said);
  return std::string(output == nullptr ? "" : output);
}

Result<void> Nft::run(const std::string& commands, const std::string& doing) {
  const auto done = converse(commands, doing, 0);
  if (!done) return unexpected(done.error());
  return {};
}

Result<std::string> Nft::ask(const std::string& command, const std::string& doing) {
  return converse(command, doing, NFT_CTX_OUTPUT_JSON);
}

Result<bool> Nft::has_table(const std::string& table) {
  const std::string all =
      FCVM_TRY(converse("list tables inet", "listing the firewall's tables", 0));
  return ("\n" + all).find("\ntable inet " + table + "\n") != std::string::npos;
}

Result<void> Nft::delete_table(const std::string& table) {
  return run(delete_command(table), "deleting the firewall table " + table);
}

std::string delete_command(const std::string& table) {
  return "add table inet " + table + "\ndelete table inet " + table + "\n";
}

}  // namespace fcvm::net
