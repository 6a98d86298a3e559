// The pieces made in a moment: the initrd and the image fcvm/hello.
#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"
#include "core/setup/pieces/hello.hpp"
#include "core/setup/pieces/initrd.hpp"
#include "core/setup/stages.hpp"

namespace fcvm::setup {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (!line.empty()) lines.emplace_back(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return lines;
}

/// A piece of one file whose bytes are at hand.
Result<Piece> install_file(const Job& job, Piece piece, const std::string& file,
                           std::string_view bytes) {
  const auto built = FCVM_TRY(job.workshop.new_directory(piece.name));
  FCVM_TRY(base::write_file_atomic(built / file, bytes));
  return install_piece(job.workshop.guests(), built, std::move(piece));
}

}  // namespace

Result<Piece> make_initrd_piece(const Job& job, const Piece& kernel) {
  const std::string agent = FCVM_TRY(base::read_file(job.settings.agent, 64 << 20));
  const std::string order = FCVM_TRY(base::read_file(kernel.directory / "order"));
  std::vector<Module> modules;
  for (const auto& file : lines_of(order)) {
    modules.push_back(
        {file, FCVM_TRY(base::read_file(kernel.directory / "modules" / file, 64 << 20))});
  }
  Piece piece{.name = "initrd", .key = job.plan.initrd.key};
  piece.facts = {{"agent", digest::sha256(agent)}};
  return install_file(job, std::move(piece), "initrd", make_initrd(agent, modules));
}

Result<Piece> make_hello(const Job& job, const Piece& rootfs) {
  const auto busybox = FCVM_TRY(base::read_file(rootfs.directory / "busybox"));
  const auto applets = FCVM_TRY(base::read_file(rootfs.directory / "applets"));
  Piece piece{.name = "hello", .key = job.plan.hello.key};
  piece.facts = {{"image", std::string(kHelloImage)}};
  return install_file(job, std::move(piece), "hello.tar",
                      hello_archive(busybox, lines_of(applets), job.plan.architecture));
}

}  // namespace fcvm::setup
