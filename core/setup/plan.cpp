#include "core/setup/plan.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/file.hpp"
#include "core/setup/formats/bzimage.hpp"
#include "core/setup/key.hpp"
#include "core/setup/pieces/hello.hpp"
#include "core/setup/pieces/initrd.hpp"
#include "core/setup/pieces/modules.hpp"
#include "core/setup/pieces/piece.hpp"
#include "core/setup/recipe.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;

// Raise it when what is made of the same inputs changes in a way that the inputs do not show.
constexpr std::string_view kKernelFormat = "1";
constexpr std::size_t kLargestKernel = 512 << 20;

utsname host() {
  utsname name{};
  ::uname(&name);
  return name;
}

Result<std::string> debian_architecture() {
  const std::string machine = host().machine;
  if (machine == "x86_64") return std::string("amd64");
  if (machine == "aarch64") return std::string("arm64");
  return fail(ENOTSUP, "this machine is " + machine + ": guests are made for x86_64 and aarch64");
}

fs::path modules_of(const std::string& version) {
  const fs::path directory = "/lib/modules/" + version;
  std::error_code error;
  return !version.empty() && fs::is_directory(directory, error) ? directory : fs::path();
}

Result<KernelSource> kernel_of_host() {
  const std::string release = host().release;
  for (const auto& path : {"/boot/vmlinuz-" + release, "/lib/modules/" + release + "/vmlinuz"}) {
    if (::access(path.c_str(), F_OK) == 0) return KernelSource{path, modules_of(release)};
  }
  return fail(ENOENT,
              fmt::format("looking for the host's kernel: there is no /boot/vmlinuz-{}", release),
              "use --kernel suite, or --kernel path with --kernel-path FILE");
}

Result<KernelSource> kernel_at(const Settings& settings) {
  if (settings.kernel_path.empty()) {
    return fail(EINVAL, "--kernel path needs the file", "add --kernel-path FILE");
  }
  KernelSource source{settings.kernel_path, settings.kernel_modules};
  if (source.modules.empty()) {
    const auto image = FCVM_TRY(base::read_file(settings.kernel_path, kLargestKernel));
    const auto parsed = parse_bzimage(image);
    if (parsed) source.modules = modules_of(parsed->version);
  }
  return source;
}

Result<KernelSource> kernel_from_url(const Settings& settings) {
  if (settings.kernel_url.empty() || settings.kernel_sha256.size() != 64) {
    return fail(EINVAL, "--kernel url needs an address and the SHA-256 of what is there",
                "add --kernel-url URL --kernel-sha256 DIGEST");
  }
  return KernelSource{{}, settings.kernel_modules};
}

Result<KernelSource> find_kernel(const Settings& settings) {
  if (settings.kernel == "host") return kernel_of_host();
  if (settings.kernel == "path") return kernel_at(settings);
  if (settings.kernel == "url") return kernel_from_url(settings);
  return KernelSource{};
}

std::string rootfs_key(const Settings& settings, const Plan& plan) {
  Key key;
  key.add("architecture", plan.architecture).add("suite", settings.suite);
  key.add("mirror", settings.mirror);
  return key.add("recipe", recipe_text(plan.architecture)).text();
}

Result<std::string> kernel_key(const Settings& settings, const Plan& plan) {
  Key key;
  key.add("format", kKernelFormat).add("source", settings.kernel);
  for (const auto& module : wanted_modules()) key.add("module", module.name);
  if (settings.kernel == "suite") return key.add("rootfs", plan.rootfs.key).text();
  key.add("modules", plan.kernel_source.modules.string());
  if (settings.kernel == "url") {
    return key.add("url", settings.kernel_url).add("sha256", settings.kernel_sha256).text();
  }
  const auto digest = FCVM_TRY(sha256_of_file(plan.kernel_source.image) |
                               remedy("fcvm has to be able to read the kernel"));
  return key.add("image", digest).text();
}

std::string describe_kernel(const Settings& settings, const Plan& plan) {
  if (settings.kernel == "suite") return "Debian " + settings.suite + "'s cloud kernel";
  if (settings.kernel == "url") return settings.kernel_url;
  return plan.kernel_source.image;
}

void look(const Settings& settings, PlannedPiece& piece) {
  piece.done = find_piece(settings.guests, piece.name, piece.key).has_value();
}

}  // namespace

Result<Plan> make_plan(const Settings& settings) {
  Plan plan;
  plan.architecture = FCVM_TRY(debian_architecture());
  plan.kernel_source = FCVM_TRY(find_kernel(settings));
  plan.rootfs = {"rootfs", rootfs_key(settings, plan), "Debian " + settings.suite};
  plan.kernel = {"kernel", FCVM_TRY(kernel_key(settings, plan)), describe_kernel(settings, plan)};
  const auto agent = FCVM_TRY(sha256_of_file(settings.agent) | context("reading the guest agent") |
                              remedy("build or install fcvm completely: fc-agent is part of it"));
  plan.initrd = {
      "initrd",
      Key().add("format", kInitrdFormat).add("kernel", plan.kernel.key).add("agent", agent).text(),
      "the kernel's modules and fc-agent"};
  plan.hello = {"hello",
                Key()
                    .add("rootfs", plan.rootfs.key)
                    .add("script", hello_script())
                    .add("history", kHelloHistory)
                    .text(),
                "busybox of Debian " + settings.suite};
  Key whole;
  for (auto* piece : {&plan.rootfs, &plan.kernel, &plan.initrd, &plan.hello}) {
    look(settings, *piece);
    whole.add(piece->name, piece->key);
  }
  plan.key = whole.text();
  return plan;
}

}  // namespace fcvm::setup
