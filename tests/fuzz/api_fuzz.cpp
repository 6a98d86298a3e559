// What a hostile client of the API can send, behind its HTTP: frames, JSON, queries, paths, and the
// files that hold its words. The first byte chooses which; what is taken as right must stay so when
// it is written again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/api/auth/tokens.hpp"
#include "core/api/connect/envelope.hpp"
#include "core/api/control/sandbox_messages.hpp"
#include "core/api/envd/process_messages.hpp"
#include "core/api/router.hpp"
#include "core/api/sandboxes/sandbox_file.hpp"
#include "core/api/service.hpp"

namespace fcvm::api {
namespace {

using nlohmann::json;

void require(bool holds) {
  if (!holds) std::abort();
}

void try_process(const json& message) {
  if (const auto start = start_message(message)) {
    const auto request = exec_request(*start, {{"A", "1"}}, "");
    require(!request.command.empty() && !request.command.front().empty());
    for (const auto& word : request.command) require(word.find('\0') == std::string::npos);
  }
  static_cast<void>(selector(message));
  static_cast<void>(terminal_size(message));
  static_cast<void>(input_bytes(message));
  static_cast<void>(signal_number(message));
}

void try_frames(std::string_view bytes) {
  connect::EnvelopeReader reader;
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, 7);
    bytes.remove_prefix(piece.size());
    reader.append(piece);
    for (;;) {
      const auto next = reader.next();
      if (!next) return;
      if (!*next) break;
      const auto message = json::parse((*next)->message, nullptr, false);
      if (message.is_object()) try_process(message);
    }
  }
}

void try_wish(std::string_view bytes) {
  const auto request = json::parse(bytes, nullptr, false);
  if (!request.is_object()) return;
  const auto wish = sandbox_wish(request);
  static_cast<void>(timeout_in(request, 0));
  if (!wish) return;
  const Sandbox sandbox{.id = "a",
                        .template_id = wish->template_id,
                        .owner = "o",
                        .metadata = wish->metadata,
                        .environment = wish->environment};
  const auto text = to_json(sandbox);
  const auto again = sandbox_from_json(text);
  require(again.has_value() && to_json(*again) == text);
}

void try_query(std::string_view bytes) {
  http::Request request{.method = "GET", .target = "/", .path = "/"};
  request.headers = {{"Host", std::string(bytes)}, {"Authorization", std::string(bytes)}};
  static_cast<void>(target_of(request));
  static_cast<void>(user_of(request));
  auto query = http::parse_query(bytes);
  if (!query) return;
  request.query = *std::move(query);
  const auto list = list_query(request);
  if (list) require(page_of({{.id = "a"}, {.id = "b"}}, *list).sandboxes.size() <= 2);
}

void try_path(std::string_view bytes) {
  std::map<std::string, std::string> parameters;
  if (!matches("/sandboxes/{id}/{what}", bytes, parameters)) return;
  require(parameters.size() == 2 && !parameters["id"].empty());
}

}  // namespace
}  // namespace fcvm::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fcvm::api;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 3:
      try_wish(bytes);
      break;
    case 4:
      try_query(bytes);
      break;
    case 5:
      static_cast<void>(Tokens::parse(bytes));
      static_cast<void>(sandbox_from_json(bytes));
      break;
    case 6:
      try_path(bytes);
      break;
    default:
      try_frames(bytes);
  }
  return 0;
}
