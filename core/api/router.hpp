// Router: the one table of routes: what there is, and which credential each takes. Owns the table.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/api/call.hpp"

namespace fcvm::api {

/// Which of the two servers that share the listener a request is for.
enum class Plane {
  kControl,  // about sandboxes: /sandboxes/{sandboxID}
  kSandbox,  // within the one that E2b-Sandbox-Id or Host names: /files
};

enum class Credential {
  kNone,         // tells nothing of anybody's
  kToken,        // X-API-Key or Authorization: Bearer; Call::owner is who it belongs to
  kAccessToken,  // X-Access-Token of the sandbox, or its owner's; Call::sandbox is running then
  kChecksItself  // as kAccessToken, but the handler looks for another credential where there is
                 // none
};

/// Answers by way of the call's exchange; an error that it returns instead is answered for it.
using RouteHandler = std::function<Result<void>(Call& call)>;

struct Route {
  Plane plane = Plane::kControl;
  std::string method;   // "GET"
  std::string pattern;  // "/sandboxes/{sandboxID}/timeout"
  Credential credential = Credential::kToken;
  RouteHandler handler;
};

class Router {
 public:
  /// Patterns of the same plane and method that match the same paths are a mistake in the table:
  /// the first wins.
  void add(std::vector<Route> routes);
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

  struct Found {
    const Route* route = nullptr;  // null: no route has that path, or not for that method
    std::map<std::string, std::string> parameters{};
    std::vector<std::string> allowed{};  // methods that the path has
  };
  [[nodiscard]] Found find(Plane plane, std::string_view method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

/// Whether `path` is one of those that `pattern` names. Each "{name}" is one non-empty part between
/// slashes, decoded into `parameters`.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view path,
                           std::map<std::string, std::string>& parameters);

}  // namespace fcvm::api
