// See exec_client.hpp.
#include "core/vm/client/exec_client.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <unistd.h>

#include <fmt/core.h>

#include "core/log/log.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::vm {
namespace {

using Outcome = std::variant<ExecBegun, wire::ExecFailed>;

constexpr std::chrono::milliseconds kPause{50};

Result<void> check_abilities(const std::vector<std::string>& abilities,
                             const wire::ExecRequest& request) {
  const auto has = [&](const char* ability) {
    return std::find(abilities.begin(), abilities.end(), ability) != abilities.end();
  };
  const bool copies = request.copy.direction != wire::CopyDirection::kNone;
  const bool asks_for_files = request.files.operation != wire::FileOperation::kNone;
  if ((!copies || has(wire::kCopyAbility)) && (!asks_for_files || has(wire::kFilesAbility))) {
    return {};
  }
  return fail(EPROTONOSUPPORT,
              copies ? "the guest's agent is too old to copy files"
                     : "the guest's agent is too old to be asked for files",
              "fcvm setup makes a guest with this fcvm's agent; start the VM anew with it");
}

/// Up to the ack. Nothing runs yet.
Result<Outcome> prepare(const DialGuest& dial, const wire::ExecRequest& request,
                        base::Deadline deadline) {
  Fd dialled = FCVM_TRY(dial(wire::kExecPort, deadline));
  auto stream = FCVM_TRY(GuestStream::open(std::move(dialled), wire::kMaxExecData + 64, deadline));
  FCVM_TRY(check_abilities(stream.peer().abilities, request));
  FCVM_TRY(stream.send(request, deadline));
  const wire::Frame frame = FCVM_TRY(stream.receive(deadline));
  if (frame.type == wire::ExecFailed::kType) {
    return Outcome(FCVM_TRY(wire::decode<wire::ExecFailed>(frame)));
  }
  const auto ack = FCVM_TRY(wire::decode<wire::ExecAck>(frame));
  if (ack.id != request.id) return fail(EPROTO, "the guest acknowledged another request");
  return Outcome(ExecBegun{std::move(stream), ack.stdin_credit, ack.way});
}

/// The stream broke, as it does when the VM is restored; the guest still listens.
bool is_worth_another(const Error& error) {
  return error.code() == EPIPE || error.code() == ECONNRESET || error.code() == ECONNREFUSED;
}

}  // namespace

DialGuest dial_by_supervisor(const Store& store, std::string id) {
  return [&store, id = std::move(id)](std::uint32_t port, base::Deadline until) -> Result<Fd> {
    auto dialled = FCVM_TRY(ask_supervisor(store.paths(), id, ask::Dial{port}, until));
    return std::move(dialled.fd);
  };
}

Result<Outcome> begin_exec(const Store& store, const std::string& id, wire::ExecRequest request,
                           base::Deadline deadline) {
  return begin_exec(dial_by_supervisor(store, id), std::move(request), deadline);
}

Result<Outcome> begin_exec(const DialGuest& dial, wire::ExecRequest request,
                           base::Deadline deadline) {
  request.id = fmt::format("{}.{}", ::getpid(), base::Deadline::now_ns());
  for (;;) {
    auto outcome = prepare(dial, request, deadline);
    if (outcome) {
      auto* begun = std::get_if<ExecBegun>(&*outcome);
      if (begun == nullptr) return outcome;
      FCVM_TRY(begun->stream.send(wire::ExecGo{request.id}, deadline) |
               context("whether the command runs is unknown"));
      return outcome;
    }
    const Error& error = outcome.error();
    if (!is_worth_another(error)) return outcome;
    if (deadline.expired()) return fail(ETIMEDOUT, error.message(), error.remedy());
    log::debug("exec", "asking again: {}", error.message());
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace fcvm::vm
