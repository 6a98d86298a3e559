// See filesystem_routes.hpp.
#include "core/api/envd/filesystem_routes.hpp"

#include <chrono>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "core/api/connect/rpc.hpp"
#include "core/api/envd/file_json.hpp"
#include "core/api/envd/guest_patience.hpp"
#include "core/api/envd/watchers.hpp"

namespace fcvm::api::envd {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using vm::GuestFiles;

constexpr std::uint32_t kLargestDepth = 1000;
/// How soon the end of a client that watches is seen.
constexpr auto kLook = 200ms;
/// Below what proxies on the way wait for.
constexpr std::chrono::nanoseconds kKeepAlive = 30s;

Result<std::string> text_in(const json& request, const char* name) {
  const auto found = request.find(name);
  if (found == request.end() || found->is_null()) return std::string();
  if (!found->is_string()) return fail(EINVAL, std::string(name) + " is no text");
  return found->get<std::string>();
}

bool flag_in(const json& request, const char* name) {
  const auto found = request.find(name);
  return found != request.end() && found->is_boolean() && found->get<bool>();
}

/// Absent is one level.
Result<std::uint32_t> depth_in(const json& request) {
  const auto found = request.find("depth");
  if (found == request.end() || found->is_null()) return 1U;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > kLargestDepth) {
    return fail(EINVAL, "depth is no number of 0 to 1000");
  }
  return std::max<std::uint32_t>(found->get<std::uint32_t>(), 1);
}

Result<json> entry_answer(Result<wire::FileEntry> entry) {
  if (!entry) return unexpected(entry.error());
  return json{{"entry", json_of(*entry)}};
}

Result<json> stat(const GuestFiles& files, const json& request) {
  const auto path = FCVM_TRY(text_in(request, "path"));
  return entry_answer(files.stat(path, guest_patience()));
}

Result<json> make_dir(const GuestFiles& files, const json& request) {
  const auto path = FCVM_TRY(text_in(request, "path"));
  return entry_answer(files.make_directory(path, guest_patience()));
}

Result<json> move(const GuestFiles& files, const json& request) {
  const auto source = FCVM_TRY(text_in(request, "source"));
  const auto destination = FCVM_TRY(text_in(request, "destination"));
  return entry_answer(files.move(source, destination, guest_patience()));
}

Result<json> list_dir(const GuestFiles& files, const json& request) {
  const auto path = FCVM_TRY(text_in(request, "path"));
  const auto depth = FCVM_TRY(depth_in(request));
  const auto entries = FCVM_TRY(files.list(path, depth, guest_patience()));
  json list = json::array();
  for (const auto& entry : entries) list.push_back(json_of(entry));
  return json{{"entries", std::move(list)}};
}

/// What is not there is removed already.
Result<json> remove(const GuestFiles& files, const json& request) {
  const auto path = FCVM_TRY(text_in(request, "path"));
  const auto removed = files.remove(path, guest_patience());
  if (!removed && removed.error().code() != ENOENT) return unexpected(removed.error());
  return json::object();
}

Result<vm::FileWatch> begin_watch(const GuestFiles& files, const json& request) {
  const auto path = FCVM_TRY(text_in(request, "path"));
  const GuestFiles::WatchOptions options{.recursive = flag_in(request, "recursive"),
                                         .entries = flag_in(request, "includeEntry")};
  return files.watch(path, options, guest_patience());
}

/// Until the client goes, or the directory does.
Result<void> send_events(vm::FileWatch& watch, connect::Answers& answers,
                         const std::function<bool()>& is_ending) {
  std::int64_t sent_ns = base::Deadline::now_ns();
  while (!answers.client_has_gone()) {
    if (is_ending()) return fail(ECONNRESET, "the server ends, and with it the watch");
    const auto event = watch.next(base::Deadline::in(kLook));
    const bool quiet = !event && event.error().code() == ETIMEDOUT;
    if (!event && !quiet) return unexpected(event.error());
    if (quiet && base::Deadline::now_ns() - sent_ns < kKeepAlive.count()) continue;
    sent_ns = base::Deadline::now_ns();
    if (quiet) {
      FCVM_TRY(answers.send({{"keepalive", json::object()}}));
      continue;
    }
    if (!*event) return {};
    if ((*event)->kind == wire::FileEventKind::kLost) return lost_events();
    if (const auto value = json_of(**event)) FCVM_TRY(answers.send({{"filesystem", *value}}));
  }
  return {};
}

Result<void> watch_dir(const GuestFiles& files, const json& request, connect::Answers& answers,
                       const std::function<bool()>& is_ending) {
  auto watch = FCVM_TRY(begin_watch(files, request));
  FCVM_TRY(answers.send({{"start", json::object()}}));
  return send_events(watch, answers, is_ending);
}

Result<json> create_watcher(Watchers& watchers, const Call& call, const GuestFiles& files,
                            const json& request) {
  auto watch = FCVM_TRY(begin_watch(files, request));
  const auto id = FCVM_TRY(watchers.add(call.sandbox.id, std::move(watch)));
  return json{{"watcherId", id}};
}

Result<json> watcher_events(Watchers& watchers, const Call& call, const json& request) {
  const auto id = FCVM_TRY(text_in(request, "watcherId"));
  const auto events = FCVM_TRY(watchers.events(call.sandbox.id, id));
  json list = json::array();
  for (const auto& event : events) {
    if (const auto value = json_of(event)) list.push_back(*value);
  }
  return json{{"events", std::move(list)}};
}

Result<json> remove_watcher(Watchers& watchers, const Call& call, const json& request) {
  const auto id = FCVM_TRY(text_in(request, "watcherId"));
  FCVM_TRY(watchers.remove(call.sandbox.id, id));
  return json::object();
}

std::string procedure(const char* name) { return std::string("filesystem.Filesystem/") + name; }

Route on_files(const char* name, const FilesOf& files_of,
               Result<json> (*handle)(const GuestFiles&, const json&)) {
  return connect::unary(procedure(name), [files_of, handle](Call& call, const json& request) {
    return handle(files_of(call), request);
  });
}

}  // namespace

std::vector<Route> filesystem_routes(const FilesOf& files_of,
                                     const std::function<bool()>& is_ending) {
  const auto watchers = std::make_shared<Watchers>();
  return {on_files("Stat", files_of, stat),
          on_files("MakeDir", files_of, make_dir),
          on_files("Move", files_of, move),
          on_files("ListDir", files_of, list_dir),
          on_files("Remove", files_of, remove),
          connect::streamed(
              procedure("WatchDir"),
              [files_of, is_ending](Call& call, const json& request, connect::Answers& answers) {
                return watch_dir(files_of(call), request, answers, is_ending);
              }),
          connect::unary(procedure("CreateWatcher"),
                         [files_of, watchers](Call& call, const json& request) {
                           return create_watcher(*watchers, call, files_of(call), request);
                         }),
          connect::unary(procedure("GetWatcherEvents"),
                         [watchers](Call& call, const json& request) {
                           return watcher_events(*watchers, call, request);
                         }),
          connect::unary(procedure("RemoveWatcher"), [watchers](Call& call, const json& request) {
            return remove_watcher(*watchers, call, request);
          })};
}

}  // namespace fcvm::api::envd
