// See router.hpp.
#include "core/api/router.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/api/http/message.hpp"

namespace fcvm::api {
namespace {

/// Up to the next slash, which goes with it.
std::string_view take_part(std::string_view& path) {
  const auto end = std::min(path.find('/'), path.size());
  const auto part = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return part;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view path,
             std::map<std::string, std::string>& parameters) {
  if (std::count(pattern.begin(), pattern.end(), '/') !=
      std::count(path.begin(), path.end(), '/')) {
    return false;
  }
  std::map<std::string, std::string> found;
  while (!pattern.empty()) {
    const auto wanted = take_part(pattern);
    const auto part = take_part(path);
    if (!wanted.starts_with('{')) {
      if (wanted != part) return false;
      continue;
    }
    auto value = http::percent_decode(part);
    if (!value || value->empty()) return false;
    found.emplace(wanted.substr(1, wanted.size() - 2), std::move(*value));
  }
  parameters = std::move(found);
  return true;
}

void Router::add(std::vector<Route> routes) {
  std::move(routes.begin(), routes.end(), std::back_inserter(routes_));
}

Router::Found Router::find(Plane plane, std::string_view method, std::string_view path) const {
  Found found;
  for (const Route& route : routes_) {
    std::map<std::string, std::string> parameters;
    if (route.plane != plane || !matches(route.pattern, path, parameters)) continue;
    found.allowed.push_back(route.method);
    const bool is_meant = route.method == method || (method == "HEAD" && route.method == "GET");
    if (is_meant && found.route == nullptr) {
      found.route = &route;
      found.parameters = std::move(parameters);
    }
  }
  return found;
}

}  // namespace fcvm::api
