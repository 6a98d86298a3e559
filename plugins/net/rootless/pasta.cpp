// See pasta.hpp.
#include "plugins/net/rootless/pasta.hpp"

#include <csignal>
#include <map>
#include <regex>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/printable.hpp"
#include "plugins/net/rootless/holder_protocol.hpp"

namespace fcvm::rootless {

namespace {

constexpr const char* kInstall = "apt install passt (the Debian package with pasta)";
constexpr std::size_t kMostWords = 400;

/// Starts it with both outputs in the pipe.
Result<Process> spawn(const Host& host, const std::vector<std::string>& command, const Fd& output) {
  ProcessSpec spec;
  spec.name = "pasta";
  spec.to(output.get()).errors_to(output.get());
  auto started = host.spawn(command, spec);
  if (started || started.error().code() != ENOENT) return started;
  return unexpected(std::move(started).error().remedied_by(kInstall));
}

void add_ipv6(std::vector<std::string>& words, const Plan& plan) {
  words.insert(words.end(), {"-a", plan.guest_ipv6->address.to_string(), "-g", kGatewayIpv6,
                             "--dns-forward", kResolverIpv6, "--no-dhcpv6", "--no-ra"});
}

/// What it prints, on either output.
Result<std::string> ask_pasta(const Host& host, const std::string& program, const char* question,
                              const Call& call) {
  auto pipe = FCVM_TRY(base::Pipe::create());
  const auto process = FCVM_TRY(spawn(host, {program, question}, pipe.write_end));
  pipe.write_end.reset();
  return sdk::read_to_end(pipe.read_end, call) |
         context(std::string("asking pasta for ") + question);
}

}  // namespace

std::string fault_of_pasta(const std::string& version) {
  // Those of 2025-02-05 to 2025-06-06 lose it in a pipe. Debian 13's is one, and mended; of
  // February's and March's, which are not, this cannot tell.
  if (version.empty()) return "";
  static const std::regex date("(20[0-9]{2})_?([0-9]{2})_?([0-9]{2})");
  std::smatch parts;
  const bool dated = std::regex_search(version, parts, date);
  if (dated && parts.str(1) + parts.str(2) + parts.str(3) >= "20250320") return "";
  return version +
         ": before 2025-03-20, pasta repeats answers to a guest that has closed its own half of a "
         "TCP connection first";
}

Result<std::string> PastaOffer::version(const Host& host, const std::string& program,
                                        const Call& call) {
  const std::string text = FCVM_TRY(ask_pasta(host, program, "--version", call));
  return text.substr(0, text.find('\n'));
}

Result<PastaOffer> PastaOffer::ask(const Host& host, const std::string& program, const Call& call) {
  static std::mutex mutex;
  static std::map<std::string, std::string> known;
  const std::lock_guard lock(mutex);
  const auto at = known.find(program);
  if (at != known.end()) return PastaOffer(at->second);
  auto help = FCVM_TRY(ask_pasta(host, program, "--help", call));
  known[program] = help;
  return PastaOffer(std::move(help));
}

bool PastaOffer::has(const std::string& option) const {
  for (std::size_t at = help_.find(option); at != std::string::npos;
       at = help_.find(option, at + 1)) {
    const auto after = help_.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", at);
    const auto end = after == std::string::npos ? help_.size() : after;
    if (end - at == option.size()) return true;
  }
  return false;
}

std::vector<std::string> pasta_command(const std::string& program, const PastaOffer& offer,
                                       const Plan& plan, pid_t holder, bool as_root) {
  std::vector<std::string> words = {program, "--foreground", "--quiet"};
  // Since 2024 it says what it has to say there anyway.
  if (offer.has("--stderr")) words.emplace_back("--stderr");
  // Root of a user namespace of root's: "nobody" could not join it.
  if (as_root) words.insert(words.end(), {"--runas", "0:0"});
  words.insert(words.end(), {"--ns-ifname", kPastaLink, "--mtu", std::to_string(plan.mtu),  //
                             "--mac-addr", kGatewayMac, "--no-dhcp",                        //
                             "-a", plan.guest_ipv4.address.to_string(), "-n", "255.255.255.0", "-g",
                             kGatewayIpv4, "--dns-forward", kResolverIpv4});
  if (plan.carries_ipv6) {
    add_ipv6(words, plan);
  } else {
    words.emplace_back("--ipv4-only");
  }
  if (!plan.host.template_link.empty()) {
    words.insert(words.end(), {"--interface", plan.host.template_link});
  }
  if (!plan.maps_gateway) words.emplace_back("--no-map-gw");
  // Published ports are fcvm-forward's: what pasta itself takes on the host's loopback, it delivers
  // to the namespace's and not to the guest.
  for (const char* ports : {"-t", "-u", "-T", "-U"}) words.insert(words.end(), {ports, "none"});
  words.push_back(std::to_string(holder));
  return words;
}

Result<Pasta> Pasta::start(const Host& host, const std::vector<std::string>& command) {
  auto pipe = FCVM_TRY(base::Pipe::create());
  // Nobody reads it while pasta runs, which must not freeze when it is full: then words are lost.
  FCVM_TRY(base::set_nonblocking(pipe.write_end.get()));
  FCVM_TRY(base::set_nonblocking(pipe.read_end.get()));
  auto process = FCVM_TRY(spawn(host, command, pipe.write_end));
  return Pasta(std::move(process), std::make_unique<Output>(std::move(pipe.read_end)));
}

std::string Pasta::last_words() const {
  const std::lock_guard lock(output_->mutex);
  std::string& end = output_->end;
  char buffer[4096];
  ssize_t count = 0;
  while ((count = ::read(output_->pipe.get(), buffer, sizeof buffer)) > 0) {
    end.append(buffer, static_cast<std::size_t>(count));
    if (end.size() > kMostWords) end.erase(0, end.size() - kMostWords);
  }
  std::string said = base::printable(end, base::Newlines::kKept);
  while (!said.empty() && said.back() == '\n') said.pop_back();
  return "pasta " + describe_end(process_.status()) + (said.empty() ? "" : ": " + said);
}

std::string describe_end(const fcvm_process_status& status) {
  if (status.exit_signal != 0) {
    return "was killed by signal " + std::to_string(status.exit_signal);
  }
  return "exited with " + std::to_string(status.exit_code);
}

}  // namespace fcvm::rootless
