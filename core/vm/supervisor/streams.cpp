// See streams.hpp.
#include "core/vm/supervisor/streams.hpp"

#include <csignal>
#include <unistd.h>
#include <utility>

#include "core/base/io/socket_pair.hpp"
#include "core/vm/logs/container_log.hpp"
#include "core/vm/logs/journal_log.hpp"

namespace fcvm::vm {
namespace {

Result<std::unique_ptr<OutputLog>> open_log(const LogDriver& driver, const OwnRecord& record) {
  std::unique_ptr<OutputLog> log;
  if (driver.name == LogDriver::kFile) {
    log = std::make_unique<ContainerLogWriter>(FCVM_TRY(ContainerLogWriter::open(
        record.store().paths().container_log(record.id()), driver.limits)));
  } else if (driver.name == LogDriver::kJournal) {
    log = std::make_unique<JournalLog>(FCVM_TRY(JournalLog::open(record.id(), record.name())));
  }
  return log;
}

}  // namespace

Result<void> Streams::add_own(Fd socket) {
  has_own_ = true;
  return attachments_.add(std::move(socket), true);
}

OutputPump::Callbacks Streams::pump_callbacks(base::Loop& loop) {
  const auto tell = [this, &loop](lifecycle::Event event) {
    loop.post([this, event = std::move(event)] { callbacks_.happen(event); });
  };
  OutputPump::Callbacks callbacks;
  callbacks.on_end = [tell] { tell(lifecycle::OutputEnded{}); };
  callbacks.on_sink_closed = [tell] { tell(lifecycle::SinkClosed{}); };
  callbacks.attached.on_signal = [tell](bool own, int number) {
    if (!own) return tell(lifecycle::KillAsked{number});
    // As if the one who runs the container had sent it to us.
    if (number == SIGPIPE) return tell(lifecycle::SinkClosed{});
    tell(lifecycle::Signalled{number});
  };
  callbacks.attached.on_detach = [this, &loop] { loop.post(callbacks_.on_detached); };
  callbacks.attached.on_hang_up = [tell] { tell(lifecycle::HungUp{}); };
  return callbacks;
}

Result<void> Streams::start(base::Loop& loop, const RunPlan& plan, const OwnRecord& record,
                            DialGuest dial) {
  OutputPump::Sinks sinks;
  sinks.of_clone = plan.restore.has_value();
  sinks.log = FCVM_TRY(open_log(plan.log, record));
  if (!plan.detached && !has_own_) {
    sinks.stdout_fd = STDOUT_FILENO;
    sinks.stderr_fd = STDERR_FILENO;
  }
  pump_ = std::make_unique<OutputPump>(std::move(dial), attachments_, std::move(sinks),
                                       pump_callbacks(loop));
  return pump_->start();
}

void Streams::let_in(bool tty, bool interactive) {
  attachments_.begin(tty, interactive);
  pump_->wake();
}

Result<Fd> Streams::attach() {
  auto ends = FCVM_TRY(base::SocketPair::create());
  FCVM_TRY(attachments_.add(std::move(ends.first), false));
  pump_->wake();
  return std::move(ends.second);
}

void Streams::end(const Result<int>& outcome) {
  if (outcome) return attachments_.end(wire::ExecExit{static_cast<std::uint8_t>(*outcome)});
  const Error& error = outcome.error();
  attachments_.end(wire::ExecFailed{125, error.message(), error.remedy(), error.code()});
}

}  // namespace fcvm::vm
