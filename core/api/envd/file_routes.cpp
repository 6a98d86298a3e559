// See file_routes.hpp.
#include "core/api/envd/file_routes.hpp"

#include <ctime>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "core/api/envd/file_signature.hpp"
#include "core/api/envd/guest_patience.hpp"
#include "core/api/envd/gzip.hpp"
#include "core/api/envd/multipart.hpp"

namespace fcvm::api::envd {
namespace {

using nlohmann::json;

/// Each is a stream of its own to the guest.
constexpr std::size_t kMostFilesOfForm = 1000;

Result<void> check_access(const Call& call, FileAccess access) {
  if (call.authorized) return {};
  return check_signature(call.request(), access, call.sandbox.access_token, std::time(nullptr));
}

// --- out of the sandbox ---

/// Who names several codings, as browsers and fetch() do for everything, is served fastest without:
/// packing takes longer than the bytes do. gzip is for who asks for nothing else.
bool wants_gzip(const http::Request& request) {
  return http::same_name(request.headers.get("Accept-Encoding"), "gzip");
}

http::Response head_of(const wire::FileEntry& entry, bool packed) {
  http::Response head;
  head.headers = {
      {"Content-Type", "application/octet-stream"},
      {"Content-Disposition", "inline; filename*=UTF-8''" + http::percent_encode(entry.name)},
      {"Vary", "Accept-Encoding"},
      // What a guest wrote is no page of this server's.
      {"X-Content-Type-Options", "nosniff"}};
  if (packed) head.headers.set("Content-Encoding", "gzip");
  return head;
}

Result<void> send_content(vm::FileReader& reader, const Deflater::Sink& sink) {
  std::string piece(kPiece, '\0');
  for (;;) {
    const auto got = FCVM_TRY(reader.read(piece, guest_patience()));
    if (got == 0) return {};
    FCVM_TRY(sink(std::string_view(piece).substr(0, got)));
  }
}

Result<void> download(Call& call, const vm::GuestFiles& files) {
  FCVM_TRY(check_access(call, FileAccess::kRead));
  auto reader = FCVM_TRY(files.read(call.request().parameter("path"), guest_patience()));
  const bool packed = wants_gzip(call.request());
  const Deflater::Sink write = [&](std::string_view bytes) { return call.exchange.write(bytes); };
  FCVM_TRY(call.exchange.begin_stream(head_of(reader.entry(), packed)));
  if (packed) {
    Deflater deflater(write);
    FCVM_TRY(send_content(reader, [&](std::string_view bytes) { return deflater.write(bytes); }));
    FCVM_TRY(deflater.finish());
  } else {
    FCVM_TRY(send_content(reader, write));
  }
  return call.exchange.end_stream();
}

// --- into it ---

Result<json> store(const vm::GuestFiles& files, const std::string& path, const ByteSource& source) {
  auto writer = FCVM_TRY(files.write(path, guest_patience()));
  std::string piece(kPiece, '\0');
  for (;;) {
    const auto got = FCVM_TRY(source(piece));
    if (got == 0) break;
    FCVM_TRY(writer.write(std::string_view(piece).substr(0, got), guest_patience()));
  }
  const auto entry = FCVM_TRY(writer.finish(guest_patience()));
  return json{{"name", entry.name}, {"path", entry.path}, {"type", "file"}};
}

/// The path of the URL is for a form with one file; of several, each has its own.
Result<json> store_form(Call& call, const vm::GuestFiles& files, const ByteSource& source) {
  const auto boundary =
      FCVM_TRY(Multipart::boundary_of(call.request().headers.get("Content-Type")));
  const std::string path = call.request().parameter("path");
  Multipart form(source, boundary);
  json stored = json::array();
  std::set<std::string> taken;
  while (const auto part = FCVM_TRY(form.next())) {
    if (part->name != "file") continue;
    const std::string& goal = path.empty() ? part->filename : path;
    if (goal.empty()) return fail(EINVAL, "a file of the form has no name, and the URL no path");
    if (!taken.insert(goal).second) {
      return fail(EINVAL, "two files of the form would be " + goal + ": only the first is there");
    }
    if (taken.size() > kMostFilesOfForm) {
      return fail(EINVAL, "the form has more than " + std::to_string(kMostFilesOfForm) + " files");
    }
    auto one = FCVM_TRY(store(files, goal, [&](std::span<char> into) { return form.read(into); }));
    stored.push_back(std::move(one));
  }
  if (stored.empty()) return fail(EINVAL, "the form has no part that is called \"file\"");
  return stored;
}

Result<json> store_raw(Call& call, const vm::GuestFiles& files, const ByteSource& source) {
  const std::string path = call.request().parameter("path");
  if (path.empty()) return fail(EINVAL, "the URL names no path to write to");
  auto stored = FCVM_TRY(store(files, path, source));
  return json::array({std::move(stored)});
}

Result<ByteSource> body_of(Call& call) {
  ByteSource raw = [&call](std::span<char> into) { return call.exchange.read_body(into); };
  const auto coding = call.request().headers.get("Content-Encoding");
  if (coding.empty() || http::same_name(coding, "identity")) return raw;
  if (!http::same_name(coding, "gzip")) {
    return fail(EINVAL, "Content-Encoding: " + std::string(coding) + " is neither gzip nor none");
  }
  const auto inflated = std::make_shared<Inflated>(std::move(raw));
  return ByteSource([inflated](std::span<char> into) { return inflated->read(into); });
}

bool is_form(const http::Request& request) {
  const auto type = request.headers.get("Content-Type");
  return http::same_name(type.substr(0, type.find(';')), "multipart/form-data");
}

Result<void> upload(Call& call, const vm::GuestFiles& files) {
  FCVM_TRY(check_access(call, FileAccess::kWrite));
  const auto source = FCVM_TRY(body_of(call));
  const auto stored =
      is_form(call.request()) ? store_form(call, files, source) : store_raw(call, files, source);
  if (!stored) return unexpected(stored.error());
  return answer_json(call.exchange, 200, *stored);
}

Route route_of(const char* method, Result<void> (*handle)(Call&, const vm::GuestFiles&),
               const FilesOf& files_of) {
  return {.plane = Plane::kSandbox,
          .method = method,
          .pattern = "/files",
          .credential = Credential::kChecksItself,
          .handler = [handle, files_of](Call& call) { return handle(call, files_of(call)); }};
}

}  // namespace

std::vector<Route> file_routes(const FilesOf& files_of) {
  return {route_of("GET", download, files_of), route_of("POST", upload, files_of)};
}

}  // namespace fcvm::api::envd
