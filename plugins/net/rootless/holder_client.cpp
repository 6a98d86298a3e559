// See holder_client.hpp.
#include "plugins/net/rootless/holder_client.hpp"

#include <csignal>
#include <sys/socket.h>

#include <fcvm/net.h>

#include "core/base/io/socket_pair.hpp"
#include "plugins/net/common/helper_program.hpp"

namespace fcvm::rootless {

namespace {

constexpr const char* kProgram = "fcvm-net-holder";

/// A report of the step that is due, with that many descriptors; or what went wrong instead.
Result<std::vector<Fd>> read_report(int socket, HolderStep due, std::size_t fds) {
  auto received = FCVM_TRY(base::receive_fds(socket, sizeof(HolderReport), 3));
  if (received.bytes.empty()) return fail(EPIPE, std::string(kProgram) + " ended");
  const auto report = read_packet<HolderReport>(received.bytes);
  if (report && report->step == HolderStep::kFailed) {
    return fail(report->code, std::string(text_of(report->message)),
                std::string(text_of(report->remedy)));
  }
  if (!report || report->step != due || received.fds.size() != fds) {
    return fail(EPROTO, std::string(kProgram) + " says what is not due");
  }
  return std::move(received.fds);
}

std::string name_of(std::uint32_t protocol, std::uint16_t port) {
  return "the guest's " + std::string(protocol == FCVM_PROTO_UDP ? "UDP" : "TCP") + " port " +
         std::to_string(port);
}

}  // namespace

Result<Holder> Holder::start(const Host& host, const HolderSetup& setup, const Call& call) {
  auto sockets = FCVM_TRY(base::SocketPair::create(SOCK_SEQPACKET));
  const std::string program = FCVM_TRY(net::helper_program(kProgram));
  const fcvm_passed_fd passed{sockets.second.get(), kHolderSocket};
  ProcessSpec spec;
  spec.name = kProgram;
  spec.passed = &passed;
  spec.passed_count = 1;
  Holder holder(FCVM_TRY(host.spawn({program}, spec)), std::move(sockets.first));
  sockets.second.reset();
  FCVM_TRY(base::send_fds(holder.socket(), packet_bytes(setup), {}));
  FCVM_TRY(call.wait(holder.socket(), POLLIN) | context("waiting for the VM's network"));
  FCVM_TRY(holder.read_ready());
  return holder;
}

Result<void> Holder::read_ready() {
  auto fds = FCVM_TRY(read_report(socket_.get(), HolderStep::kReady, 3));
  user_namespace_ = std::move(fds[0]);
  net_namespace_ = std::move(fds[1]);
  filter_ = std::move(fds[2]);
  return {};
}

Result<void> Holder::read_carried() {
  const auto report = read_report(socket_.get(), HolderStep::kCarried, 0);
  return report ? Result<void>() : unexpected(report.error());
}

Result<Fd> Holder::dial(std::uint32_t protocol, std::uint16_t port, const Call& call) const {
  const std::string doing = "dialling " + name_of(protocol, port);
  auto answers = FCVM_TRY(base::SocketPair::create(SOCK_SEQPACKET));
  const DialRequest request{protocol, port, call.deadline()};
  const int fds[] = {answers.second.get()};
  FCVM_TRY(base::send_fds(socket_.get(), packet_bytes(request), fds) | context(doing));
  answers.second.reset();
  FCVM_TRY(call.wait(answers.first.get(), POLLIN) | context(doing));
  auto received = FCVM_TRY(base::receive_fds(answers.first.get(), sizeof(DialAnswer), 1));
  const auto answer = read_packet<DialAnswer>(received.bytes);
  if (!answer) return fail(EPIPE, doing + ": " + kProgram + " ended");
  if (answer->code != 0) {
    return fail(answer->code, doing + ": " + std::strerror(answer->code));
  }
  if (received.fds.size() != 1) return fail(EPROTO, doing + ": no connection came");
  return std::move(received.fds.front());
}

}  // namespace fcvm::rootless
