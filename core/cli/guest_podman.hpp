// Commands of the guest's podman about a VM's container, for verbs that leave their work to it.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/cli/invocation.hpp"
#include "core/cli/session/interrupt.hpp"
#include "core/vm/client/guest_command.hpp"

namespace fcvm::cli {

/// Of a VM that runs, by the name that the user gave it.
class GuestPodman {
 public:
  /// `done` is what cannot be done to one that does not run: "committed".
  static Result<GuestPodman> find(Invocation& invocation, const std::string& name,
                                  const char* done);

  [[nodiscard]] const vm::Record& record() const { return record_; }
  /// What podman calls the container: the VM may have been renamed since.
  [[nodiscard]] const std::string& container() const { return container_; }
  /// `podman WORD...`: what it prints, or what it says of its failure.
  [[nodiscard]] Result<std::string> run(const std::vector<std::string>& words) const;
  /// The same for what prints more, or takes longer, until a signal comes.
  [[nodiscard]] Result<void> run(const std::vector<std::string>& words, const Interrupt& interrupt,
                                 const vm::TakeOutput& take) const;

 private:
  GuestPodman(const vm::Store& store, vm::Record record, std::string container)
      : store_(store), record_(std::move(record)), container_(std::move(container)) {}
  [[nodiscard]] Result<vm::GuestOutput> checked(Result<vm::GuestOutput> output,
                                                const std::string& word) const;

  const vm::Store& store_;
  vm::Record record_;
  std::string container_;
};

}  // namespace fcvm::cli
