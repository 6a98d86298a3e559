// What `fcvm serve` does from its start to its end.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "core/api/auth/tokens.hpp"
#include "core/api/sandboxes/fcvm_command.hpp"
#include "core/api/sandboxes/templates.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::api {

struct ServeOptions {
  std::string listen;      // "127.0.0.1:8090", "[::1]:0", "unix:PATH"
  std::string token_file;  // empty: no token is asked for
  std::string domain;
  Templates templates;
};

/// Until SIGTERM or SIGINT: then requests in flight are ended with, and sandboxes live on. Prints
/// where it listens.
[[nodiscard]] Result<void> serve(const vm::Store& store, const ServeOptions& options,
                                 const FcvmCommand& fcvm);

}  // namespace fcvm::api
