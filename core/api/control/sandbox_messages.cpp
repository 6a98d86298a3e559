// See sandbox_messages.hpp.
#include "core/api/control/sandbox_messages.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/api/sandboxes/usage.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;

/// The envd whose protocol is spoken: clients ask for what it can do by this.
constexpr const char* kEnvdVersion = "0.5.7";
constexpr const char* kClient = "fcvm";
constexpr std::int64_t kDefaultTimeout_s = 15;
constexpr std::size_t kMostOnPage = 1000;
constexpr std::size_t kMostPairs = 256;
constexpr std::size_t kMostPairBytes = 64 << 10;

/// Wishes that mean a machine other than this one would be: never silently another.
constexpr const char* kNotBuilt[] = {"volumeMounts", "mcp", "iam", "secrets"};
constexpr const char* kNotBuiltOfNetwork[] = {"allowOut",    "denyOut",         "rules",
                                              "egressProxy", "maskRequestHost", "httpsPorts"};

bool is_wish(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && !found->is_null() && !found->empty();
}

Result<std::map<std::string, std::string>> pairs_at(const json& from, const char* name,
                                                    std::string_view forbidden) {
  std::map<std::string, std::string> pairs;
  const auto found = from.find(name);
  if (found == from.end() || found->is_null()) return pairs;
  if (!found->is_object() || found->size() > kMostPairs) {
    return fail(EINVAL, fmt::format("{} is no object of at most {} texts", name, kMostPairs));
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) return fail(EINVAL, fmt::format("{}: a value is no text", name));
    auto text = value.get<std::string>();
    bytes += key.size() + text.size();
    if (key.empty() || key.find_first_of(forbidden) != std::string::npos ||
        text.find('\0') != std::string::npos || bytes > kMostPairBytes) {
      return fail(EINVAL, fmt::format("{}: a name or a value may not be such, or so long", name));
    }
    pairs.emplace(key, std::move(text));
  }
  return pairs;
}

Result<bool> flag_at(const json& from, const char* name, bool otherwise) {
  const auto found = from.find(name);
  if (found == from.end() || found->is_null()) return otherwise;
  if (!found->is_boolean()) return fail(EINVAL, fmt::format("{} is neither true nor false", name));
  return found->get<bool>();
}

Result<void> check_built(const json& request) {
  for (const char* name : kNotBuilt) {
    if (is_wish(request, name)) return fail(ENOTSUP, fmt::format("{}: not built yet", name));
  }
  if (!FCVM_TRY(flag_at(request, "autoPauseMemory", true))) {
    return fail(ENOTSUP, "autoPauseMemory: a pause without the memory is not built yet");
  }
  return {};
}

Result<bool> is_public(const json& request) {
  const auto network = request.find("network");
  if (network == request.end() || network->is_null()) return true;
  if (!network->is_object()) return fail(EINVAL, "network is no object");
  for (const char* name : kNotBuiltOfNetwork) {
    if (is_wish(*network, name)) {
      return fail(ENOTSUP, fmt::format("network.{}: not built yet", name),
                  "allow_internet_access: false gives none at all");
    }
  }
  return flag_at(*network, "allowPublicTraffic", true);
}

}  // namespace

Result<std::int64_t> timeout_in(const json& request, std::int64_t otherwise) {
  const auto found = request.find("timeout");
  if (found == request.end() || found->is_null()) return otherwise;
  if (!found->is_number_integer()) return fail(EINVAL, "timeout is no number of seconds");
  return found->get<std::int64_t>();
}

Result<SandboxWish> sandbox_wish(const json& request) {
  FCVM_TRY(check_built(request));
  SandboxWish wish;
  if (!request.contains("templateID") || !request["templateID"].is_string()) {
    return fail(EINVAL, "templateID is missing");
  }
  wish.template_id = request["templateID"].get<std::string>();
  wish.metadata = FCVM_TRY(pairs_at(request, "metadata", std::string_view("\0", 1)));
  wish.environment = FCVM_TRY(pairs_at(request, "envVars", std::string_view("=\0", 2)));
  wish.timeout_s = FCVM_TRY(timeout_in(request, kDefaultTimeout_s));
  wish.pauses_at_end = FCVM_TRY(flag_at(request, "autoPause", false));
  wish.has_network = FCVM_TRY(flag_at(request, "allow_internet_access", true));
  wish.is_public = FCVM_TRY(is_public(request));
  return wish;
}

json access_json(const Sandbox& sandbox, const std::string& domain) {
  json access = {{"sandboxID", sandbox.id},
                 {"templateID", sandbox.template_id},
                 {"clientID", kClient},
                 {"envdVersion", kEnvdVersion},
                 {"envdAccessToken", sandbox.access_token},
                 {"domain", domain.empty() ? json() : json(domain)}};
  if (!sandbox.traffic_token.empty()) access["trafficAccessToken"] = sandbox.traffic_token;
  return access;
}

json info_json(const Sandbox& sandbox, std::uint64_t disk_bytes) {
  return {{"sandboxID", sandbox.id},
          {"templateID", sandbox.template_id},
          {"clientID", kClient},
          {"envdVersion", kEnvdVersion},
          {"state", sandbox.state == SandboxState::kPaused ? "paused" : "running"},
          {"startedAt", time_json(sandbox.started_s)},
          {"endAt", time_json(sandbox.ends_s)},
          {"cpuCount", sandbox.cpus},
          {"memoryMB", sandbox.memory_bytes >> 20},
          {"diskSizeMB", disk_bytes >> 20},
          {"metadata", sandbox.metadata},
          {"lifecycle",
           {{"onTimeout", sandbox.pauses_at_end ? "pause" : "kill"}, {"autoResume", false}}}};
}

Result<ListQuery> list_query(const http::Request& request) {
  ListQuery query;
  const auto state = request.parameter("state");
  if (!state.empty()) {
    query.running = state.find("running") != std::string::npos;
    query.paused = state.find("paused") != std::string::npos;
  }
  // A query within the query.
  for (auto& [name, value] : FCVM_TRY(http::parse_query(request.parameter("metadata")))) {
    const auto key = http::percent_decode(name);
    const auto text = http::percent_decode(value);
    if (!key || !text) return fail(EINVAL, "metadata is not percent-encoded");
    query.metadata[*key] = *text;
  }
  query.template_id = request.parameter("template");
  query.newest_first = request.parameter("order") == "desc";
  query.after = request.parameter("nextToken");
  const auto limit = request.parameter("limit");
  if (limit.empty()) return query;
  const char* const end = limit.data() + limit.size();
  const auto parsed = std::from_chars(limit.data(), end, query.limit);
  if (parsed.ec != std::errc() || parsed.ptr != end || query.limit == 0) {
    return fail(EINVAL, "limit is no number above zero");
  }
  query.limit = std::min(query.limit, kMostOnPage);
  return query;
}

Page page_of(std::vector<Sandbox> all, const ListQuery& query) {
  std::erase_if(all, [&](const Sandbox& one) {
    const bool is_paused = one.state == SandboxState::kPaused;
    const bool has_metadata =
        std::all_of(query.metadata.begin(), query.metadata.end(), [&](const auto& wanted) {
          const auto found = one.metadata.find(wanted.first);
          return found != one.metadata.end() && found->second == wanted.second;
        });
    const bool of_template = query.template_id.empty() || query.template_id == one.template_id;
    return !(is_paused ? query.paused : query.running) || !has_metadata || !of_template;
  });
  if (query.newest_first) std::reverse(all.begin(), all.end());
  const auto last = std::find_if(all.begin(), all.end(),
                                 [&](const Sandbox& one) { return one.id == query.after; });
  // One that has gone meanwhile is no reason to begin again for ever.
  if (!query.after.empty()) all.erase(all.begin(), last == all.end() ? last : last + 1);
  Page page;
  if (all.size() > query.limit) {
    all.resize(query.limit);
    page.next = all.back().id;
  }
  page.sandboxes = std::move(all);
  return page;
}

}  // namespace fcvm::api
