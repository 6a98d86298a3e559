// See service.hpp.
#include "core/api/service.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/api/connect/envelope.hpp"
#include "core/api/control/sandbox_control.hpp"
#include "core/api/envd/file_routes.hpp"
#include "core/api/envd/filesystem_routes.hpp"
#include "core/api/envd/process_routes.hpp"
#include "core/api/envd/sandbox_routes.hpp"
#include "core/api/sandboxes/sandbox_file.hpp"
#include "core/base/printable.hpp"
#include "core/log/log.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;

std::optional<std::uint16_t> port_in(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || port == 0) return std::nullopt;
  return port;
}

/// A host's name without its port.
std::string_view name_in(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

std::string_view after(std::string_view text, std::string_view scheme) {
  if (text.size() < scheme.size() || !http::same_name(text.substr(0, scheme.size()), scheme)) {
    return {};
  }
  return text.substr(scheme.size());
}

/// Of http::ServerLimits::requests: the others are for the control plane.
constexpr std::size_t kMostInSandboxes = 448;

/// One more, as long as it lives.
class Counted {
 public:
  explicit Counted(std::atomic<std::size_t>& count) : count_(count), now_(++count) {}
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count_; }
  [[nodiscard]] std::size_t now() const { return now_; }

 private:
  std::atomic<std::size_t>& count_;
  const std::size_t now_;
};

/// As E2B's own proxy answers for a sandbox that does not run: clients know by the status.
Result<void> answer_not_running(http::Exchange& exchange, const std::string& id,
                                const std::string& message) {
  return answer_json(exchange, 502, {{"code", 502}, {"sandboxId", id}, {"message", message}});
}

}  // namespace

Result<std::optional<Target>> target_of(const http::Request& request) {
  Target target;
  target.sandbox = request.headers.get("E2b-Sandbox-Id");
  if (!target.sandbox.empty()) {
    const auto text = request.headers.get("E2b-Sandbox-Port");
    if (text.empty()) return std::optional(target);
    const auto port = port_in(text);
    if (!port) return fail(EINVAL, "E2b-Sandbox-Port is no port");
    target.port = *port;
    return std::optional(target);
  }
  const auto host = name_in(request.headers.get("Host"));
  const auto dash = host.find('-');
  const auto dot = host.find('.');
  if (dot == std::string_view::npos || dash > dot) return std::optional<Target>();
  const auto port = port_in(host.substr(0, dash));
  const auto id = host.substr(dash + 1, dot - dash - 1);
  if (!port || !is_sandbox_id(id)) return std::optional<Target>();
  return std::optional(Target{std::string(id), *port});
}

std::string user_of(const http::Request& request) {
  if (const auto name = request.parameter("username"); !name.empty()) return name;
  const auto decoded = connect::from_base64(after(request.headers.get("Authorization"), "Basic "));
  return decoded ? decoded->substr(0, decoded->find(':')) : std::string();
}

bool is_foreign(const http::Request& request, std::string_view domain) {
  if (request.headers.has("Origin")) return true;
  const auto host = std::string(name_in(request.headers.get("Host")));
  in_addr address{};
  const bool is_loopback = ::inet_pton(AF_INET, host.c_str(), &address) == 1 &&
                           (ntohl(address.s_addr) >> 24) == IN_LOOPBACKNET;
  const bool is_of_sandbox = !domain.empty() && host.ends_with("." + std::string(domain));
  return host != "localhost" && host != "[::1]" && !is_loopback && !is_of_sandbox;
}

Service::Service(Setup setup) : setup_(std::move(setup)) {
  router_.add(own_routes());
  router_.add(control_routes(setup_.sandboxes, setup_.domain));
  router_.add(missing_routes());
  router_.add(sandbox_routes(setup_.sandboxes.vms()));
  router_.add(process_routes(setup_.processes));
  const envd::FilesOf files_of = [&vms = setup_.sandboxes.vms()](const Call& call) {
    return vm::GuestFiles(vm::dial_by_supervisor(vms, call.sandbox.vm), call.user);
  };
  router_.add(envd::file_routes(files_of));
  router_.add(envd::filesystem_routes(files_of, [this] { return !setup_.is_ready(); }));
}

void Service::handle(http::Exchange& exchange) {
  const auto began = base::Deadline::now_ns();
  const auto done = dispatch_caught(exchange);
  if (!done && !exchange.answered() && !exchange.was_taken_over()) {
    [[maybe_unused]] const auto told = answer_error(exchange, done.error());
  }
  const auto took = base::Deadline::now_ns() - began;
  const int status = exchange.was_taken_over() ? 101 : exchange.status();
  ++answers_[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))];
  answer_ns_ += static_cast<std::uint64_t>(took);
  // The query may have a signature in it.
  const auto& request = exchange.request();
  log::debug("access", "{} {} {} {:.1f} ms{}", base::printable(request.method),
             base::printable(request.path), status, static_cast<double>(took) / 1e6,
             done ? "" : ": " + done.error().message());
}

/// What JSON's library throws about a client's words ends one request, and not the server.
Result<void> Service::dispatch_caught(http::Exchange& exchange) {
  try {
    return dispatch(exchange);
  } catch (const json::exception& thrown) {
    return fail(EINVAL, std::string("the request has a wrong type in it: ") + thrown.what());
  } catch (const std::exception& thrown) {
    return fail(EIO, thrown.what());
  }
}

Result<void> Service::dispatch(http::Exchange& exchange) {
  const auto& request = exchange.request();
  if (setup_.open && is_foreign(request, setup_.domain)) {
    return fail(EACCES, "a server without tokens is for programs of its own machine",
                "fcvm serve --token-file FILE is for others");
  }
  if (request.headers.has("Origin")) exchange.add_header("Access-Control-Allow-Origin", "*");
  if (request.method == "OPTIONS" && request.headers.has("Access-Control-Request-Method")) {
    return exchange.answer(
        {.status = 204,
         .headers = {{"Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE"},
                     {"Access-Control-Allow-Headers",
                      std::string(request.headers.get("Access-Control-Request-Headers"))},
                     {"Access-Control-Max-Age", "7200"}}});
  }
  const auto target = FCVM_TRY(target_of(request));
  return target ? dispatch_sandbox(exchange, *target) : dispatch_control(exchange);
}

Result<void> Service::no_route(http::Exchange& exchange, const Router::Found& found) {
  if (found.allowed.empty()) {
    return fail(ENOENT, "there is nothing at " + exchange.request().path);
  }
  std::string allowed;
  for (const auto& method : found.allowed) allowed += (allowed.empty() ? "" : ", ") + method;
  return exchange.answer({.status = 405, .headers = {{"Allow", allowed}}});
}

std::optional<Owner> Service::owner_of(const http::Request& request) const {
  auto key = request.headers.get("X-API-Key");
  if (key.empty()) key = after(request.headers.get("Authorization"), "Bearer ");
  return setup_.tokens.find(key);
}

Result<void> Service::dispatch_control(http::Exchange& exchange) {
  const auto& request = exchange.request();
  auto found = router_.find(Plane::kControl, request.method, request.path);
  const bool is_anybodys = found.route != nullptr && found.route->credential == Credential::kNone;
  Call call{.exchange = exchange, .parameters = std::move(found.parameters)};
  if (!is_anybodys) {
    auto owner = owner_of(request);
    // Whoever has no token does not learn either which paths there are.
    if (!owner) {
      exchange.hang_up();
      return fail(EKEYREJECTED, "the API key is missing or not known");
    }
    call.owner = *std::move(owner);
  }
  if (found.route == nullptr) return no_route(exchange, found);
  return found.route->handler(call);
}

/// The sandbox's own token, or that of whoever made it.
bool Service::may_enter(const http::Request& request, const Sandbox& sandbox) const {
  const auto token = request.headers.get("X-Access-Token");
  if (!token.empty()) return equal_secrets(token, sandbox.access_token);
  const auto owner = owner_of(request);
  return owner && owner->name == sandbox.owner;
}

Result<void> Service::dispatch_sandbox(http::Exchange& exchange, const Target& target) {
  const auto& request = exchange.request();
  // Streams last; whoever has many open must not keep others from ending their sandboxes.
  const Counted counted(in_sandboxes_);
  if (counted.now() > kMostInSandboxes) {
    exchange.hang_up();
    return fail(EAGAIN, "too many requests to sandboxes are being answered");
  }
  auto sandbox = setup_.sandboxes.find(target.sandbox);
  if (!sandbox) return answer_not_running(exchange, target.sandbox, sandbox.error().message());
  const bool is_program = target.port != kEnvdPort;
  auto found = router_.find(Plane::kSandbox, request.method, request.path);
  const bool enters = may_enter(request, *sandbox);
  const bool checks_itself =
      !is_program && found.route != nullptr && found.route->credential == Credential::kChecksItself;
  if (!is_program && !enters && !checks_itself) {
    exchange.hang_up();
    return fail(EKEYREJECTED, "the access token of the sandbox is missing or wrong");
  }
  if (sandbox->state == SandboxState::kPaused) {
    return answer_not_running(exchange, target.sandbox, "the sandbox is paused");
  }
  if (is_program) return carry(exchange, *sandbox, target.port);
  if (found.route == nullptr) return no_route(exchange, found);
  Call call{.exchange = exchange,
            .parameters = std::move(found.parameters),
            .sandbox = *std::move(sandbox),
            .authorized = enters,
            // A signature is for the user that its URL names, whoever else is asked for.
            .user = enters ? user_of(request) : request.parameter("username")};
  return found.route->handler(call);
}

Result<void> Service::carry(http::Exchange& exchange, const Sandbox& sandbox, std::uint16_t port) {
  const auto token = exchange.request().headers.get("E2b-Traffic-Access-Token");
  if (!sandbox.traffic_token.empty() && !equal_secrets(token, sandbox.traffic_token)) {
    return fail(EACCES, "the traffic access token of the sandbox is missing or wrong");
  }
  // A program may have an Authorization of its own; ours is none of its business.
  const auto bearer = after(exchange.request().headers.get("Authorization"), "Bearer ");
  const bool is_ours = !setup_.open && setup_.tokens.find(bearer);
  const auto carried = setup_.ports.carry(exchange, sandbox, port, is_ours);
  if (carried || exchange.was_taken_over()) return carried;
  return answer_json(exchange, 502,
                     {{"code", 502},
                      {"sandboxId", sandbox.id},
                      {"port", port},
                      {"message", text_of(carried.error())}});
}

// --- about the server itself ---

std::vector<Route> Service::own_routes() {
  const auto route = [](const char* pattern, Credential credential, RouteHandler handler) {
    return Route{.plane = Plane::kControl,
                 .method = "GET",
                 .pattern = pattern,
                 .credential = credential,
                 .handler = std::move(handler)};
  };
  return {route("/healthz", Credential::kNone,
                [](Call& call) { return call.exchange.answer({.status = 204}); }),
          route("/readyz", Credential::kNone,
                [this](Call& call) {
                  return call.exchange.answer({.status = setup_.is_ready() ? 204 : 503});
                }),
          route("/metrics", Credential::kToken, [this](Call& call) {
            return call.exchange.answer(
                {.headers = {{"Content-Type", "text/plain; version=0.0.4"}}, .body = prometheus()});
          })};
}

std::string Service::prometheus() const {
  const auto all = setup_.sandboxes.list_all();
  const auto paused = std::count_if(all.begin(), all.end(), [](const Sandbox& one) {
    return one.state == SandboxState::kPaused;
  });
  const auto counts = setup_.sandboxes.counts();
  std::string text = "# TYPE fcvm_sandboxes gauge\n";
  text += fmt::format("fcvm_sandboxes{{state=\"running\"}} {}\n",
                      static_cast<std::ptrdiff_t>(all.size()) - paused);
  text += fmt::format("fcvm_sandboxes{{state=\"paused\"}} {}\n", paused);
  text += fmt::format(
      "# TYPE fcvm_sandboxes_created_total counter\n"
      "fcvm_sandboxes_created_total {}\n"
      "# TYPE fcvm_sandboxes_failed_total counter\n"
      "fcvm_sandboxes_failed_total {}\n"
      "# TYPE fcvm_sandboxes_expired_total counter\n"
      "fcvm_sandboxes_expired_total {}\n"
      "# TYPE fcvm_processes gauge\nfcvm_processes {}\n",
      counts.created, counts.failed, counts.expired, setup_.processes.count());
  text += "# TYPE fcvm_http_answers_total counter\n";
  for (std::size_t digit = 1; digit < answers_.size(); ++digit) {
    text += fmt::format("fcvm_http_answers_total{{status=\"{}xx\"}} {}\n", digit,
                        answers_[digit].load());
  }
  text += fmt::format(
      "# TYPE fcvm_http_answer_seconds_total counter\n"
      "fcvm_http_answer_seconds_total {:.6f}\n",
      static_cast<double>(answer_ns_.load()) / 1e9);
  return text;
}

}  // namespace fcvm::api
