#include "core/setup/pieces/piece.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/base/io/file.hpp"
#include "core/base/json_number.hpp"
#include "core/setup/key.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr char kManifest[] = "piece.json";

Result<void> measure(const fs::path& directory, Piece& piece) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (!entry.is_regular_file(error) || entry.path().filename() == kManifest) continue;
    piece.files[entry.path().filename()] = {entry.file_size(error),
                                            FCVM_TRY(sha256_of_file(entry.path()))};
  }
  if (error) return fail(error.value(), "reading " + directory.string() + ": " + error.message());
  return {};
}

std::string manifest_of(const Piece& piece) {
  ordered_json files = ordered_json::object();
  for (const auto& [name, facts] : piece.files) {
    files[name] = {{"size", facts.size}, {"sha256", facts.sha256}};
  }
  const ordered_json whole = {
      {"name", piece.name}, {"key", piece.key}, {"facts", piece.facts}, {"files", files}};
  return whole.dump(2) + '\n';
}

/// Without it, a power cut could leave the new name with empty files.
Result<void> flush(const fs::path& directory) {
  const Fd fd = FCVM_TRY(base::open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::syncfs(fd.get()) != 0) return fail_errno("flushing " + directory.string() + " to disk");
  return {};
}

Result<void> rename_to(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return fail_errno("renaming " + from.string() + " to " + to.string());
  }
  return {};
}

}  // namespace

fs::path piece_directory(const fs::path& guests, const std::string& name, const std::string& key) {
  return guests / (name + "-" + key);
}

std::optional<Piece> find_piece(const fs::path& guests, const std::string& name,
                                const std::string& key) {
  Piece piece{name, key, piece_directory(guests, name, key), {}, {}};
  const auto text = base::read_file(piece.directory / kManifest);
  if (!text) return std::nullopt;
  const auto json = ordered_json::parse(*text, nullptr, false);
  try {
    piece.facts = json.at("facts").get<std::map<std::string, std::string>>();
    for (const auto& [file, facts] : json.at("files").items()) {
      piece.files[file] = {base::json_number<std::uint64_t>(facts.at("size")),
                           facts.at("sha256").get<std::string>()};
      std::error_code error;
      if (fs::file_size(piece.directory / file, error) != piece.files[file].size || error) {
        return std::nullopt;  // somebody cut it: made again
      }
    }
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return piece;
}

Result<Piece> install_piece(const fs::path& guests, const fs::path& built, Piece piece) {
  FCVM_TRY(measure(built, piece));
  FCVM_TRY(base::write_file_atomic(built / kManifest, manifest_of(piece)));
  if (::chmod(built.c_str(), 0755) != 0) return fail_errno("opening " + built.string() + " to all");
  FCVM_TRY(flush(built));
  piece.directory = piece_directory(guests, piece.name, piece.key);
  std::error_code error;
  if (fs::exists(piece.directory, error)) {
    // A directory cannot be replaced at once; a kill between the two renames costs a build.
    const fs::path aside = built.string() + ".old";
    FCVM_TRY(rename_to(piece.directory, aside));
    FCVM_TRY(rename_to(built, piece.directory));
    FCVM_TRY(base::remove_tree(aside));
  } else {
    FCVM_TRY(rename_to(built, piece.directory));
  }
  return piece;
}

Result<std::vector<std::string>> read_lines(const fs::path& file) {
  const std::string whole = FCVM_TRY(base::read_file(file));
  std::vector<std::string> lines;
  for (std::string_view text = whole; !text.empty();) {
    const auto line = text.substr(0, text.find('\n'));
    if (!line.empty()) lines.emplace_back(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return lines;
}

}  // namespace fcvm::setup
