// See sandbox_routes.hpp.
#include "core/api/envd/sandbox_routes.hpp"

#include <nlohmann/json.hpp>

#include "core/api/sandboxes/usage.hpp"

namespace fcvm::api {
namespace {

Route sandbox_route(const char* pattern, RouteHandler handler) {
  return {.plane = Plane::kSandbox,
          .method = "GET",
          .pattern = pattern,
          .credential = Credential::kAccessToken,
          .handler = std::move(handler)};
}

/// As envd's own /metrics has it.
Result<void> answer_metrics(const vm::Store& store, const Call& call) {
  const auto usage = FCVM_TRY(usage_json(store, call.sandbox));
  return answer_json(call.exchange, 200,
                     {{"ts", usage["timestampUnix"]},
                      {"cpu_count", usage["cpuCount"]},
                      {"cpu_used_pct", usage["cpuUsedPct"]},
                      {"mem_total", usage["memTotal"]},
                      {"mem_used", usage["memUsed"]},
                      {"disk_used", usage["diskUsed"]},
                      {"disk_total", usage["diskTotal"]}});
}

}  // namespace

std::vector<Route> sandbox_routes(const vm::Store& store) {
  return {
      sandbox_route("/health", [](Call& call) { return call.exchange.answer({.status = 204}); }),
      sandbox_route(
          "/envs",
          [](Call& call) { return answer_json(call.exchange, 200, call.sandbox.environment); }),
      sandbox_route("/metrics", [&store](Call& call) { return answer_metrics(store, call); })};
}

}  // namespace fcvm::api
