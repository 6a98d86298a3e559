// See map_session.hpp.
#include "agent/maps/map_session.hpp"

#include <cerrno>
#include <utility>

#include "agent/log.hpp"
#include "core/wire/map.hpp"

namespace fcvm::agent {

MapSession::MapSession(Loop& loop, base::Fd socket, Maps& maps)
    : loop_(loop),
      maps_(maps),
      stream_(std::make_unique<Stream>(loop, std::move(socket), wire::kMaxMapHeader)) {}

Result<void> MapSession::start(std::function<void()> on_over) {
  on_over_ = std::move(on_over);
  FCVM_TRY(stream_->start(
      {[this](const wire::Frame& frame) { return on_frame(frame); }, [this] { on_over_(); }, {}}));
  greeting_.say(*stream_);
  return {};
}

Result<void> MapSession::on_frame(const wire::Frame& frame) {
  if (FCVM_TRY(greeting_.take(frame))) return {};
  const auto request = FCVM_TRY(wire::decode<wire::MapRequest>(frame));
  Stream::Raw raw = stream_->release();
  loop_.soon([stream = std::shared_ptr<Stream>(std::move(stream_))] {});
  // The host says nothing more before the guest does, and has read our hello before it asked.
  const bool is_clean = raw.received.empty() && raw.unsent.empty();
  const auto given = is_clean ? maps_.give(request.number, std::move(raw.fd))
                              : Result<void>(fail(EPROTO, "a map's stream began too soon"));
  if (!given) log_line(given.error().message());
  on_over_();
  return {};
}

}  // namespace fcvm::agent
