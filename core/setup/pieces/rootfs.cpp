// See rootfs.hpp.
#include "core/setup/pieces/rootfs.hpp"

#include <array>
#include <csignal>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "core/base/io/file.hpp"
#include "core/setup/program.hpp"
#include "core/setup/recipe.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;

// Time stamps in the image are no younger than this, so that they do not tell when it was made.
constexpr char kEpoch[] = "1700000000";

struct Milestone {
  std::string_view said;  // how mmdebstrap begins the line
  double fraction;
  std::string_view doing;
};

constexpr std::array<Milestone, 8> kMilestones = {{
    {"I: running apt-get update", 0.05, "asking for the list of packages"},
    {"I: downloading packages", 0.12, "fetching packages"},
    {"I: extracting archives", 0.25, "unpacking"},
    {"I: installing essential", 0.35, "installing the essential packages"},
    {"I: installing remaining", 0.45, "installing podman and its friends"},
    {"I: running --customize-hook", 0.7, "fetching the kernel"},
    {"I: cleaning package lists", 0.8, "tidying up"},
    {"I: creating tarball", 0.83, "packing"},
}};
constexpr double kImageFraction = 0.9;

void follow(Progress& progress, std::string_view line) {
  for (const auto& milestone : kMilestones) {
    if (line.starts_with(milestone.said)) progress.update(milestone.fraction, milestone.doing);
  }
}

std::string remedy_for(const std::string& message) {
  if (message.find("resolve") != std::string::npos || message.find("onnect") != std::string::npos) {
    return "check that this machine reaches the Debian mirror (apt update does too), or name one: "
           "fcvm setup --mirror URL";
  }
  if (message.find("subuid") != std::string::npos || message.find("uidmap") != std::string::npos) {
    return "fcvm doctor tells which subordinate ids to give to this user";
  }
  if (message.find("No space") != std::string::npos) {
    return "make room there, or set TMPDIR to a directory with 2 GiB";
  }
  return "read the log, then run fcvm setup again: what is done is not done twice";
}

Result<void> bootstrap(const Job& job, const fs::path& scratch, const fs::path& extras) {
  const bool root = ::geteuid() == 0;
  ProgramRun run;
  run.argv = mmdebstrap_words({.architecture = job.plan.architecture,
                               .suite = job.settings.suite,
                               .mirror = job.settings.mirror,
                               .unshare = !root,
                               .tarball = scratch / "rootfs.tar",
                               .extras = extras});
  run.variables = {std::string("SOURCE_DATE_EPOCH=") + kEpoch};
  // What root's leaves behind when it is killed then goes with the scratch directory. A user's runs
  // under other ids, which may not enter the user's directories.
  if (root) run.variables.push_back("TMPDIR=" + scratch.string());
  run.log = job.workshop.log();
  run.death_signal = SIGTERM;  // on which it unmounts and removes, and hangs up on its group
  run.own_group = true;
  run.own_namespaces = true;
  run.on_line = [&](std::string_view line) { follow(job.progress, line); };
  run.tick = [&] { job.progress.tick(); };
  auto done = run_program(run);
  if (done) return done;
  const auto fix = remedy_for(done.error().message());
  return std::move(done) | remedy(fix);
}

Result<void> make_image(const Job& job, const fs::path& scratch, const fs::path& image) {
  const fs::path tree = scratch / "tree";
  FCVM_TRY(base::make_directories(tree));
  ProgramRun run;
  if (::geteuid() != 0) run.argv = {"fakeroot", "--"};
  for (const auto& word :
       {std::string("sh"), std::string("-ec"), std::string(image_script()), std::string("sh"),
        tree.string(), (scratch / "rootfs.tar").string(), image.string()}) {
    run.argv.push_back(word);
  }
  run.variables = {std::string("SOURCE_DATE_EPOCH=") + kEpoch,
                   std::string("E2FSPROGS_FAKE_TIME=") + kEpoch};
  run.log = job.workshop.log();
  run.tick = [&] { job.progress.tick(); };
  return run_program(run) | context("making the image of the root file system");
}

Result<void> build(const Job& job, const fs::path& scratch, const fs::path& built) {
  FCVM_TRY(bootstrap(job, scratch, built));
  job.progress.update(kImageFraction, "making the image");
  FCVM_TRY(make_image(job, scratch, built / "base.ext4"));
  std::error_code error;
  fs::rename(built / "tree", built / "kernel", error);
  if (error) return fail(error.value(), "taking the kernel from the suite: " + error.message());
  return {};
}

}  // namespace

Result<Piece> make_rootfs(const Job& job) {
  const fs::path scratch = FCVM_TRY(job.workshop.new_directory("scratch"));
  const fs::path built = FCVM_TRY(job.workshop.new_directory("rootfs"));
  const auto done = build(job, scratch, built);
  const auto removed = base::remove_tree(scratch);
  if (!done) {
    static_cast<void>(base::remove_tree(built));
    return unexpected(std::move(done).error());
  }
  FCVM_TRY(removed);
  return install_piece(job.workshop.guests(), built,
                       {.name = "rootfs",
                        .key = job.plan.rootfs.key,
                        .facts = {{"suite", job.settings.suite},
                                  {"mirror", job.settings.mirror},
                                  {"architecture", job.plan.architecture}}});
}

}  // namespace fcvm::setup
