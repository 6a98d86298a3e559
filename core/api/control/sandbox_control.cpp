// See sandbox_control.hpp.
#include "core/api/control/sandbox_control.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/api/control/sandbox_messages.hpp"
#include "core/api/sandboxes/usage.hpp"
#include "core/base/printable.hpp"
#include "core/log/log.hpp"
#include "core/vm/logs/container_log.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;

constexpr std::size_t kMostLogLines = 1000;
constexpr std::size_t kMostLogBytes = 1 << 20;
constexpr std::int64_t kResumeTimeout_s = 15;
constexpr unsigned kMostForks = 100;
constexpr std::size_t kLongestName = 128;

Route control_route(const char* method, std::string pattern, RouteHandler handler) {
  return {.plane = Plane::kControl,
          .method = method,
          .pattern = std::move(pattern),
          .credential = Credential::kToken,
          .handler = std::move(handler)};
}

const std::string& id_of(const Call& call) { return call.parameters.at("sandboxID"); }

std::uint64_t disk_of(const Sandboxes& sandboxes, const Sandbox& sandbox) {
  if (sandbox.vm.empty()) return 0;
  const auto record = sandboxes.vms().load(sandbox.vm);
  return record ? record->disk_bytes : 0;
}

Result<void> create(Sandboxes& sandboxes, const Call& call, const std::string& domain) {
  const auto request = FCVM_TRY(body_object(call.exchange));
  const auto wish = FCVM_TRY(sandbox_wish(request));
  const auto sandbox = FCVM_TRY(sandboxes.create(call.owner, wish) |
                                context("making a sandbox of template " + wish.template_id));
  // Nobody would ever learn its id, and it would run to its end.
  if (call.exchange.client_has_gone()) {
    log::info("serve", "sandbox {} is ended: its client has gone", sandbox.id);
    return sandboxes.kill(call.owner, sandbox.id);
  }
  return answer_json(call.exchange, 201, access_json(sandbox, domain));
}

Result<void> resume(Sandboxes& sandboxes, const Call& call, const std::string& domain,
                    bool is_resume) {
  const auto request = FCVM_TRY(body_object(call.exchange));
  const auto timeout = FCVM_TRY(timeout_in(request, kResumeTimeout_s));
  const auto connected = FCVM_TRY(sandboxes.connect(call.owner, id_of(call), timeout));
  if (is_resume && !connected.was_paused) {
    return fail(EBUSY, fmt::format("sandbox {} is not paused", id_of(call)));
  }
  const int status = connected.was_paused ? 201 : 200;
  return answer_json(call.exchange, status, access_json(connected.sandbox, domain));
}

Result<void> answer_list(Sandboxes& sandboxes, const Call& call) {
  const auto query = FCVM_TRY(list_query(call.request()));
  const auto page = page_of(sandboxes.list(call.owner), query);
  json all = json::array();
  for (const auto& one : page.sandboxes) all.push_back(info_json(one, disk_of(sandboxes, one)));
  http::Response response{.headers = {{"Content-Type", "application/json"}},
                          .body = json_text(all)};
  if (!page.next.empty()) response.headers.add("x-next-token", page.next);
  return call.exchange.answer(response);
}

Result<void> change(const Call& call, const Result<void>& done) {
  if (!done) return done;
  return call.exchange.answer({.status = 204});
}

Result<void> set_timeout(Sandboxes& sandboxes, const Call& call) {
  const auto request = FCVM_TRY(body_object(call.exchange));
  const auto timeout = FCVM_TRY(timeout_in(request, -1));
  if (timeout < 0) return fail(EINVAL, "timeout is missing");
  return change(call, sandboxes.set_timeout(call.owner, id_of(call), timeout));
}

Result<void> pause(Sandboxes& sandboxes, const Call& call) {
  const auto request = FCVM_TRY(body_object(call.exchange));
  if (request.value("memory", json()) == false) {
    return fail(ENOTSUP, "memory: a pause without the memory is not built yet");
  }
  return change(call, sandboxes.pause(call.owner, id_of(call)));
}

Result<void> metrics(Sandboxes& sandboxes, const Call& call) {
  const auto sandbox = FCVM_TRY(sandboxes.find(call.owner, id_of(call)));
  json all = json::array();
  if (sandbox.state == SandboxState::kRunning) {
    all.push_back(FCVM_TRY(usage_json(sandboxes.vms(), sandbox)));
  }
  return answer_json(call.exchange, 200, all);
}

struct Line {
  std::int64_t time_s;
  const char* level;
  std::string text;
};

/// The last lines of the container, as many as an answer may have.
Result<std::deque<Line>> last_lines(const Sandboxes& sandboxes, const Sandbox& sandbox) {
  std::deque<Line> lines;
  if (sandbox.vm.empty()) return lines;
  std::size_t bytes = 0;
  const auto take = [&](const vm::LogLine& line) {
    lines.push_back({line.time_ns / 1'000'000'000,
                     line.stream == vm::LogStream::kStderr ? "error" : "info",
                     std::string(line.text.substr(0, kMostLogBytes))});
    bytes += lines.back().text.size();
    for (; bytes > kMostLogBytes; lines.pop_front()) bytes -= lines.front().text.size();
    return true;
  };
  FCVM_TRY(vm::read_container_log(sandboxes.vms().paths().container_log(sandbox.vm),
                                  {.tail = kMostLogLines}, take));
  return lines;
}

/// What the container has written, in the form of both versions of the protocol.
Result<void> logs(Sandboxes& sandboxes, const Call& call) {
  const auto sandbox = FCVM_TRY(sandboxes.find(call.owner, id_of(call)));
  json lines = json::array();
  json entries = json::array();
  for (const auto& line : FCVM_TRY(last_lines(sandboxes, sandbox))) {
    const auto time = time_json(line.time_s);
    lines.push_back({{"timestamp", time}, {"line", line.text}});
    entries.push_back({{"timestamp", time},
                       {"message", line.text},
                       {"level", line.level},
                       {"fields", json::object()}});
  }
  return answer_json(call.exchange, 200, {{"logs", lines}, {"logEntries", entries}});
}

Result<void> save(Sandboxes& sandboxes, const Call& call) {
  const auto request = FCVM_TRY(body_object(call.exchange));
  const auto name = request.value("name", json(""));
  if (!name.is_string()) return fail(EINVAL, "name is no text");
  const auto& text = name.get_ref<const std::string&>();
  if (text.size() > kLongestName || base::printable(text) != text) {
    return fail(EINVAL, fmt::format("name has more than {} bytes, or odd ones", kLongestName));
  }
  const auto id = FCVM_TRY(sandboxes.save(call.owner, id_of(call), name.get<std::string>()));
  json names = json::array();
  if (!name.get_ref<const std::string&>().empty()) names.push_back(name);
  return answer_json(call.exchange, 201, {{"snapshotID", id}, {"names", names}});
}

Result<void> answer_snapshots(const Sandboxes& sandboxes, const Call& call) {
  const auto sandbox = call.request().parameter("sandboxID");
  const auto name = call.request().parameter("name");
  json all = json::array();
  for (const auto& one : FCVM_TRY(sandboxes.snapshots(call.owner))) {
    if (!sandbox.empty() && one.sandbox != sandbox) continue;
    if (!name.empty() && one.name != name) continue;
    json names = json::array();
    if (!one.name.empty()) names.push_back(one.name);
    all.push_back({{"snapshotID", one.id}, {"names", names}});
  }
  return answer_json(call.exchange, 200, all);
}

Result<void> fork_sandbox(Sandboxes& sandboxes, const Call& call, const std::string& domain) {
  const auto request = FCVM_TRY(body_object(call.exchange));
  const auto timeout = FCVM_TRY(timeout_in(request, kResumeTimeout_s));
  const auto count = request.value("count", json(1));
  if (!count.is_number_unsigned() || count > kMostForks || count < 1) {
    return fail(EINVAL, fmt::format("count is no number from 1 to {}", kMostForks));
  }
  const auto forks =
      FCVM_TRY(sandboxes.fork(call.owner, id_of(call), timeout, count.get<unsigned>()));
  json all = json::array();
  for (const auto& one : forks) {
    if (one) {
      all.push_back({{"sandbox", access_json(*one, domain)}});
    } else {
      all.push_back(
          {{"error", {{"code", status_of(one.error())}, {"message", text_of(one.error())}}}});
    }
  }
  return answer_json(call.exchange, 201, all);
}

Result<void> templates(const Sandboxes& sandboxes, const Call& call) {
  json all = json::array();
  for (const auto& [name, one] : sandboxes.templates().all()) {
    all.push_back({{"templateID", name},
                   {"aliases", {name}},
                   {"names", {name}},
                   {"public", true},
                   {"image", one.image}});
  }
  return answer_json(call.exchange, 200, all);
}

std::vector<Route> sandbox_control(Sandboxes& all, const std::string& domain) {
  return {
      control_route("GET", "/sandboxes/{sandboxID}",
                    [&](Call& call) -> Result<void> {
                      const auto one = FCVM_TRY(all.find(call.owner, id_of(call)));
                      return answer_json(call.exchange, 200, info_json(one, disk_of(all, one)));
                    }),
      control_route("DELETE", "/sandboxes/{sandboxID}",
                    [&](Call& call) { return change(call, all.kill(call.owner, id_of(call))); }),
      control_route("POST", "/sandboxes/{sandboxID}/timeout",
                    [&](Call& call) { return set_timeout(all, call); }),
      control_route("POST", "/sandboxes/{sandboxID}/pause",
                    [&](Call& call) { return pause(all, call); }),
      control_route("POST", "/sandboxes/{sandboxID}/resume",
                    [&, domain](Call& call) { return resume(all, call, domain, true); }),
      control_route("GET", "/sandboxes/{sandboxID}/metrics",
                    [&](Call& call) { return metrics(all, call); }),
      control_route("POST", "/sandboxes/{sandboxID}/snapshots",
                    [&](Call& call) { return save(all, call); }),
      control_route("POST", "/sandboxes/{sandboxID}/fork",
                    [&, domain](Call& call) { return fork_sandbox(all, call, domain); }),
      control_route("GET", "/snapshots", [&](Call& call) { return answer_snapshots(all, call); }),
      control_route("DELETE", "/templates/{templateID}",
                    [&](Call& call) {
                      return change(
                          call, all.remove_snapshot(call.owner, call.parameters.at("templateID")));
                    }),
      control_route("GET", "/templates", [&](Call& call) { return templates(all, call); }),
      control_route("GET", "/v3/templates", [&](Call& call) { return templates(all, call); })};
}

}  // namespace

std::vector<Route> control_routes(Sandboxes& all, const std::string& domain) {
  auto routes = sandbox_control(all, domain);
  // Clients of different age ask at different places.
  for (const std::string version : {"", "/v2"}) {
    routes.push_back(control_route("POST", version + "/sandboxes",
                                   [&, domain](Call& call) { return create(all, call, domain); }));
    routes.push_back(control_route("GET", version + "/sandboxes",
                                   [&](Call& call) { return answer_list(all, call); }));
    routes.push_back(
        control_route("POST", version + "/sandboxes/{sandboxID}/connect",
                      [&, domain](Call& call) { return resume(all, call, domain, false); }));
    routes.push_back(control_route("GET", version + "/sandboxes/{sandboxID}/logs",
                                   [&](Call& call) { return logs(all, call); }));
  }
  return routes;
}

std::vector<Route> missing_routes() {
  const std::pair<const char*, const char*> kMissing[] = {
      {"PUT", "/sandboxes/{sandboxID}/network"},
      {"POST", "/v3/templates"},
      {"POST", "/v2/templates/{templateID}/builds/{buildID}"},
      {"GET", "/templates/{templateID}/builds/{buildID}/status"},
      {"GET", "/templates/{templateID}/files/{hash}"},
      {"GET", "/templates/aliases/{alias}"},
      {"POST", "/templates/tags"},
      {"DELETE", "/templates/tags"},
      {"GET", "/templates/{templateID}/tags"},
      {"GET", "/volumes"},
      {"POST", "/volumes"},
      {"GET", "/volumes/{volumeID}"},
      {"DELETE", "/volumes/{volumeID}"},
      {"GET", "/volumecontent/{volumeID}/dir"},
      {"POST", "/volumecontent/{volumeID}/dir"},
      {"GET", "/volumecontent/{volumeID}/path"},
      {"PATCH", "/volumecontent/{volumeID}/path"},
      {"DELETE", "/volumecontent/{volumeID}/path"},
      {"GET", "/volumecontent/{volumeID}/file"},
      {"PUT", "/volumecontent/{volumeID}/file"},
      {"GET", "/secrets"},
      {"POST", "/secrets"},
      {"GET", "/secrets/{secretID}"},
      {"POST", "/secrets/{secretID}"},
      {"DELETE", "/secrets/{secretID}"}};
  std::vector<Route> routes;
  for (const auto& [method, pattern] : kMissing) {
    routes.push_back(control_route(
        method, pattern, [what = fmt::format("{} {}", method, pattern)](Call&) -> Result<void> {
          return fail(ENOTSUP, what + ": not built yet");
        }));
  }
  return routes;
}

}  // namespace fcvm::api
