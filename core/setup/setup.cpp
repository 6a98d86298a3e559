#include "core/setup/setup.hpp"

#include <functional>

#include <fmt/core.h>

#include "core/setup/pieces/assemble.hpp"
#include "core/setup/pieces/hello.hpp"
#include "core/setup/pieces/initrd.hpp"
#include "core/setup/pieces/kernel.hpp"
#include "core/setup/pieces/needs.hpp"
#include "core/setup/pieces/rootfs.hpp"
#include "core/setup/workshop.hpp"

namespace fcvm::setup {
namespace {

using Make = std::function<Result<Piece>()>;

/// The piece that is there, or a new one.
Result<Piece> ensure(const Job& job, const PlannedPiece& planned, std::string_view stage,
                     Outcome& outcome, const Make& make) {
  if (auto found = find_piece(job.workshop.guests(), planned.name, planned.key)) {
    outcome.pieces.push_back({planned.name, planned.key, false, 0});
    return *std::move(found);
  }
  job.progress.begin(stage, planned.from);
  Piece piece = FCVM_TRY(make() | context(fmt::format("making the {}", stage)));
  outcome.pieces.push_back({planned.name, planned.key, true, job.progress.seconds()});
  job.progress.end("made");
  return piece;
}

Result<Pieces> make_pieces(const Job& job, Outcome& outcome) {
  Pieces pieces;
  const Plan& plan = job.plan;
  pieces.rootfs = FCVM_TRY(
      ensure(job, plan.rootfs, "root file system", outcome, [&] { return make_rootfs(job); }));
  pieces.kernel = FCVM_TRY(
      ensure(job, plan.kernel, "kernel", outcome, [&] { return make_kernel(job, pieces.rootfs); }));
  pieces.initrd = FCVM_TRY(ensure(job, plan.initrd, "initrd", outcome,
                                  [&] { return make_initrd_piece(job, pieces.kernel); }));
  pieces.hello = FCVM_TRY(ensure(job, plan.hello, "image fcvm/hello", outcome,
                                 [&] { return make_hello(job, pieces.rootfs); }));
  return pieces;
}

/// Dependents first: killed in between, the next setup must not take an old initrd for a piece of a
/// new kernel. The root file system is replaced by its successor, once that is there.
Result<void> forget_pieces(const Settings& settings, Plan& plan) {
  for (auto* piece : {&plan.hello, &plan.initrd, &plan.kernel}) {
    FCVM_TRY(base::remove_tree(piece_directory(settings.guests, piece->name, piece->key)));
    piece->done = false;
  }
  FCVM_TRY(base::remove_tree(piece_directory(settings.guests, "rootfs", plan.rootfs.key) /
                             "piece.json"));
  plan.rootfs.done = false;
  return {};
}

}  // namespace

Result<Outcome> run_setup(const Settings& settings, bool force, Progress& progress) {
  Plan plan = FCVM_TRY(make_plan(settings));
  // Before the lock, too: who lacks a program should not wait first.
  if (!force) FCVM_TRY(check_needs(settings, plan));
  Workshop workshop = FCVM_TRY(Workshop::enter(settings.guests, progress));
  plan = FCVM_TRY(make_plan(settings));
  if (force) FCVM_TRY(forget_pieces(settings, plan));
  FCVM_TRY(check_needs(settings, plan));
  const Job job{settings, plan, workshop, progress};
  Outcome outcome;
  const Pieces pieces = FCVM_TRY(make_pieces(job, outcome));
  const auto scratch = FCVM_TRY(workshop.new_directory("guest"));
  FCVM_TRY(assemble_guest(settings, plan, pieces, scratch));
  FCVM_TRY(base::remove_tree(scratch));
  outcome.guest = FCVM_TRY(find_guest(settings.guests));
  return outcome;
}

}  // namespace fcvm::setup
