// The JSON of the control plane: what clients wish, and what they are told of sandboxes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <fcvm/result.hpp>

#include "core/api/http/message.hpp"
#include "core/api/sandboxes/sandboxes.hpp"

namespace fcvm::api {

/// ENOTSUP names a wish that this server cannot grant.
[[nodiscard]] Result<SandboxWish> sandbox_wish(const nlohmann::json& request);
/// Seconds; `otherwise` where none are given.
[[nodiscard]] Result<std::int64_t> timeout_in(const nlohmann::json& request,
                                              std::int64_t otherwise);

/// Of one that was made or connected to: with its secrets.
[[nodiscard]] nlohmann::json access_json(const Sandbox& sandbox, const std::string& domain);
[[nodiscard]] nlohmann::json info_json(const Sandbox& sandbox, std::uint64_t disk_bytes);

/// What of a list is wanted: ?state=running,paused&metadata=a%3Db&limit=10&nextToken=...
struct ListQuery {
  bool running = true;
  bool paused = true;
  std::map<std::string, std::string> metadata{};
  std::string template_id{};
  bool newest_first = false;
  std::size_t limit = 100;
  std::string after{};  // the id that ended the page before
};
[[nodiscard]] Result<ListQuery> list_query(const http::Request& request);
struct Page {
  std::vector<Sandbox> sandboxes{};
  std::string next{};  // for ListQuery::after; empty at the end
};
/// `all` is sorted, the oldest first.
[[nodiscard]] Page page_of(std::vector<Sandbox> all, const ListQuery& query);

}  // namespace fcvm::api
