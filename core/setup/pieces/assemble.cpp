#include "core/setup/pieces/assemble.hpp"

#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/base/io/file.hpp"
#include "core/setup/disk.hpp"
#include "core/setup/key.hpp"
#include "core/setup/pieces/hello.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

using PieceFile = std::pair<const Piece*, const char*>;

/// The files of a guest and the pieces they are in.
std::vector<PieceFile> files_of(const Pieces& pieces) {
  std::vector<PieceFile> files = {{&pieces.kernel, "vmlinuz"}};
  if (pieces.kernel.files.contains("vmlinux")) files.emplace_back(&pieces.kernel, "vmlinux");
  files.emplace_back(&pieces.initrd, "initrd");
  files.emplace_back(&pieces.rootfs, "base.ext4");
  files.emplace_back(&pieces.hello, "hello.tar");
  return files;
}

std::string content_key(const Plan& plan, const Pieces& pieces) {
  Key key;
  for (const auto& [piece, file] : files_of(pieces)) key.add(file, piece->files.at(file).sha256);
  return plan.key + "-" + key.text().substr(0, 8);
}

/// dpkg's list: NAME[:ARCHITECTURE] TAB VERSION.
ordered_json parse_packages(std::string_view text) {
  ordered_json packages = ordered_json::object();
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    const auto tab = line.find('\t');
    if (tab != std::string_view::npos) {
      packages[std::string(line.substr(0, std::min(tab, line.find(':'))))] = line.substr(tab + 1);
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return packages;
}

std::string fact(const Piece& piece, const char* name) {
  const auto found = piece.facts.find(name);
  return found == piece.facts.end() ? std::string() : found->second;
}

Result<void> link_or_copy(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return {};
  return clone_file(from, to);
}

Result<void> turn_current(const fs::path& guests, const std::string& key, const fs::path& scratch) {
  const fs::path link = scratch.string() + ".current";
  ::unlink(link.c_str());
  if (::symlink(key.c_str(), link.c_str()) != 0 ||
      ::rename(link.c_str(), (guests / "current").c_str()) != 0) {
    return fail_errno("making " + key + " the current guest");
  }
  return {};
}

}  // namespace

std::string guest_manifest(const Settings& settings, const Plan& plan, const Pieces& pieces,
                           const std::string& packages) {
  ordered_json files = ordered_json::object();
  for (const auto& [piece, file] : files_of(pieces)) {
    const FileFacts& facts = piece->files.at(file);
    files[file] = {{"size", facts.size}, {"sha256", facts.sha256}, {"piece", piece->name}};
  }
  ordered_json keys = ordered_json::object();
  for (const Piece* piece : {&pieces.rootfs, &pieces.kernel, &pieces.initrd, &pieces.hello}) {
    keys[piece->name] = piece->key;
  }
  const ordered_json whole = {{"format", 1},
                              {"key", content_key(plan, pieces)},
                              {"inputs", plan.key},
                              {"suite", settings.suite},
                              {"mirror", settings.mirror},
                              {"architecture", plan.architecture},
                              {"kernel",
                               {{"version", fact(pieces.kernel, "version")},
                                {"source", settings.kernel},
                                {"from", plan.kernel.from},
                                {"missing", fact(pieces.kernel, "missing")}}},
                              {"agent", {{"sha256", fact(pieces.initrd, "agent")}}},
                              {"hello", std::string(kHelloImage)},
                              {"pieces", keys},
                              {"files", files},
                              {"made-by", "fcvm " FCVM_VERSION ", mmdebstrap and mke2fs"},
                              {"packages", parse_packages(packages)}};
  return whole.dump(2) + '\n';
}

Result<void> assemble_guest(const Settings& settings, const Plan& plan, const Pieces& pieces,
                            const fs::path& scratch) {
  const std::string key = content_key(plan, pieces);
  const fs::path target = settings.guests / key;
  std::error_code error;
  if (!fs::exists(target / "guest.json", error)) {
    for (const auto& [piece, file] : files_of(pieces)) {
      FCVM_TRY(link_or_copy(piece->directory / file, scratch / file));
    }
    const auto packages = FCVM_TRY(base::read_file(pieces.rootfs.directory / "packages"));
    FCVM_TRY(base::write_file_atomic(scratch / "guest.json",
                                     guest_manifest(settings, plan, pieces, packages)));
    fs::permissions(scratch, fs::perms(0755), error);
    FCVM_TRY(base::remove_tree(target));
    if (::rename(scratch.c_str(), target.c_str()) != 0) {
      return fail_errno("naming the guest " + target.string());
    }
  }
  return turn_current(settings.guests, key, scratch);
}

}  // namespace fcvm::setup
