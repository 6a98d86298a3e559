// See kernel.hpp.
#include "core/setup/pieces/kernel.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/base/io/file.hpp"
#include "core/log/log.hpp"
#include "core/setup/formats/bzimage.hpp"
#include "core/setup/key.hpp"
#include "core/setup/pieces/modules.hpp"
#include "core/setup/program.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestKernel = 512 << 20;
constexpr std::string_view kFileScheme = "file://";

Result<void> download(const Job& job, const fs::path& to) {
  const std::string& url = job.settings.kernel_url;
  ProgramRun run;
  run.argv = {"curl", "-fsSL", "--retry", "2", "-o", to.string(), "--", url};
  if (find_program("curl").empty() && !find_program("wget").empty()) {
    run.argv = {"wget", "-q", "-O", to.string(), "--", url};
  }
  run.log = job.workshop.log();
  run.tick = [&] { job.progress.tick(); };
  return run_program(run) | context("fetching " + url) |
         remedy("check the address, or fetch it yourself and use --kernel path");
}

Result<std::string> fetch(const Job& job, const fs::path& built) {
  const Settings& settings = job.settings;
  const fs::path fetched = built / "vmlinuz";
  if (settings.kernel_url.starts_with(kFileScheme)) {
    std::error_code error;
    fs::copy_file(settings.kernel_url.substr(kFileScheme.size()), fetched, error);
    if (error) return fail(error.value(), settings.kernel_url + ": " + error.message());
  } else {
    FCVM_TRY(download(job, fetched));
  }
  const auto digest = FCVM_TRY(sha256_of_file(fetched));
  if (digest != settings.kernel_sha256) {
    return fail(EBADMSG,
                fmt::format("{} has the SHA-256 {}, and not {} as it should", settings.kernel_url,
                            digest, settings.kernel_sha256),
                "do not boot it before you know why; then correct --kernel-sha256");
  }
  return base::read_file(fetched, kLargestKernel);
}

Result<std::string> get_image(const Job& job, const KernelSource& source, const fs::path& built) {
  if (source.image.empty()) return fetch(job, built);
  std::string image = FCVM_TRY(base::read_file(source.image, kLargestKernel));
  FCVM_TRY(base::write_file_atomic(built / "vmlinuz", image));
  return image;
}

/// Writes vmlinux; a kernel in which none is found boots by QEMU still.
Result<void> write_elf(const Job& job, const std::string& image, const fs::path& built) {
  const auto elf = extract_vmlinux(image, built);
  if (elf) return base::write_file_atomic(built / "vmlinux", *elf);
  if (elf.error().code() != ENOEXEC) return unexpected(elf.error());
  job.progress.note(fmt::format("no ELF kernel for Firecracker: {}", elf.error().message()));
  return {};
}

Result<ModuleChoice> write_modules(const KernelSource& source, const fs::path& built) {
  if (source.modules.empty()) return ModuleChoice{};
  const auto tree = FCVM_TRY(ModuleTree::scan(source.modules));
  ModuleChoice choice = FCVM_TRY(choose_modules(tree, wanted_modules(), built));
  FCVM_TRY(base::make_directories(built / "modules"));
  for (const auto& module : choice.modules) {
    FCVM_TRY(base::write_file_atomic(built / "modules" / module.file, module.bytes));
  }
  return choice;
}

std::string order_of(const ModuleChoice& choice) {
  std::string order;
  for (const auto& module : choice.modules) order += module.file + '\n';
  return order;
}

Result<Piece> build(const Job& job, const KernelSource& source, const std::string& known_version,
                    const fs::path& built) {
  const std::string image = FCVM_TRY(get_image(job, source, built));
  std::string version = known_version;
  if (const auto parsed = parse_bzimage(image); parsed && version.empty()) {
    version = parsed->version;
  }
  FCVM_TRY(write_elf(job, image, built));
  const ModuleChoice choice = FCVM_TRY(write_modules(source, built));
  if (!choice.missing.empty()) {
    log::warning("setup", "this kernel lacks {}: guests may not start",
                 fmt::join(choice.missing, ", "));
  }
  FCVM_TRY(base::write_file_atomic(built / "order", order_of(choice)));
  Piece piece{.name = "kernel", .key = job.plan.kernel.key};
  piece.facts = {{"version", version},
                 {"source", job.settings.kernel},
                 {"from", job.plan.kernel.from},
                 {"missing", fmt::format("{}", fmt::join(choice.missing, " "))}};
  return piece;
}

}  // namespace

Result<Piece> make_kernel(const Job& job, const Piece& rootfs) {
  KernelSource source = job.plan.kernel_source;
  std::string version;
  if (job.settings.kernel == "suite") {
    const fs::path tree = rootfs.directory / "kernel";
    source = {tree / "vmlinuz", tree / "modules"};
    version = FCVM_TRY(base::read_file(tree / "version"));
  }
  const fs::path built = FCVM_TRY(job.workshop.new_directory("kernel"));
  auto piece = build(job, source, version, built);
  if (!piece) {
    static_cast<void>(base::remove_tree(built));
    return piece;
  }
  return install_piece(job.workshop.guests(), built, *std::move(piece));
}

}  // namespace fcvm::setup
