#include "core/setup/pieces/initrd.hpp"

#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"
#include "core/setup/formats/cpio.hpp"

namespace fcvm::setup {

std::string make_initrd(std::string_view agent, const std::vector<Module>& modules) {
  CpioArchive archive;
  for (const char* directory : {"dev", "proc", "sys", "run", "root", "modules"}) {
    archive.add_directory(directory);
  }
  archive.add_directory("tmp", 01777);
  // The kernel opens it for PID 1 before anything is mounted; null is for the agent's own start.
  archive.add_character_device("dev/console", 0600, 5, 1);
  archive.add_character_device("dev/null", 0666, 1, 3);
  archive.add_file("init", agent, 0755);
  std::string order;
  for (const auto& module : modules) {
    order += module.file + '\n';
    archive.add_file("modules/" + module.file, module.bytes);
  }
  archive.add_file("modules/order", order);
  return std::move(archive).finish();
}

Result<Piece> make_initrd_piece(const Job& job, const Piece& kernel) {
  const std::string agent = FCVM_TRY(base::read_file(job.settings.agent, 64 << 20));
  std::vector<Module> modules;
  for (const auto& file : FCVM_TRY(read_lines(kernel.directory / "order"))) {
    modules.push_back(
        {file, FCVM_TRY(base::read_file(kernel.directory / "modules" / file, 64 << 20))});
  }
  Piece piece{.name = "initrd", .key = job.plan.initrd.key};
  piece.facts = {{"agent", digest::sha256(agent)}};
  return install_file(job, std::move(piece), "initrd", make_initrd(agent, modules));
}

}  // namespace fcvm::setup
