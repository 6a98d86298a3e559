// See serve.hpp.
#include "core/api/serve.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/api/envd/port_proxy.hpp"
#include "core/api/envd/processes.hpp"
#include "core/api/http/listener.hpp"
#include "core/api/http/server.hpp"
#include "core/api/sandboxes/sandboxes.hpp"
#include "core/api/service.hpp"
#include "core/base/loop/loop.hpp"
#include "core/base/loop/signals.hpp"
#include "core/log/log.hpp"

namespace fcvm::api {
namespace {

using namespace std::chrono_literals;

/// For requests in flight, once the server is asked to end.
constexpr auto kDrainLimit = 20s;

Result<Tokens> tokens_of(const ServeOptions& options, const http::Listener& listener) {
  if (!options.token_file.empty()) return Tokens::load(options.token_file);
  if (listener.is_local) return Tokens::nobody_asks();
  return fail(EPERM, listener.where + " can be reached from elsewhere, and --no-auth lets all in",
              "fcvm serve --token-file FILE asks for tokens");
}

/// A quarter of the descriptors that there may be: commands, ports and children need theirs, and a
/// crowd of clients must not keep sandboxes from being ended.
std::size_t room_for_connections() {
  constexpr rlim_t kMost = 4096;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMost / 4;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(std::clamp<rlim_t>(limit.rlim_cur / 4, 16, kMost));
}

/// Removes the socket's name; before a new server could take it.
struct OwnName {
  std::string path;
  ~OwnName() {
    if (!path.empty()) ::unlink(path.c_str());
  }
};

}  // namespace

Result<void> serve(const vm::Store& store, const ServeOptions& options, const FcvmCommand& fcvm) {
  auto loop = FCVM_TRY(base::Loop::create());
  auto listener = FCVM_TRY(http::listen_on(options.listen));
  const OwnName name{listener.path};
  auto tokens = FCVM_TRY(tokens_of(options, listener));
  Processes processes(*loop, store);
  PortProxy ports(*loop, store);
  const auto sandboxes = FCVM_TRY(
      Sandboxes::open({.store = store,
                       .fcvm = fcvm,
                       .templates = options.templates,
                       .on_leaving = [&](const std::string& id) { processes.leave(id); }}));
  std::atomic<bool> is_ready{true};
  Service service({.tokens = std::move(tokens),
                   .open = options.token_file.empty(),
                   .sandboxes = *sandboxes,
                   .processes = processes,
                   .ports = ports,
                   .domain = options.domain,
                   .is_ready = [&] { return is_ready.load(); }});
  http::Server server(*loop, std::move(listener.socket),
                      [&](http::Exchange& exchange) { service.handle(exchange); },
                      {.connections = room_for_connections()});
  const auto end = [&](int) {
    if (!is_ready.exchange(false)) return loop->stop();  // the second time
    log::info("serve", "ends; the sandboxes live on");
    processes.leave_all();
    server.drain([&] { loop->stop(); });
    loop->after(kDrainLimit, [&] { loop->stop(); });
  };
  const auto signals = FCVM_TRY(base::Signals::watch(*loop, {SIGTERM, SIGINT}, end));
  FCVM_TRY(server.start());
  fmt::print("{}\n", listener.where);
  std::fflush(stdout);
  return loop->run();
}

}  // namespace fcvm::api
