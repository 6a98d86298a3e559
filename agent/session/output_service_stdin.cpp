// The container's stdin, as far as the host may send it; see output_service.hpp.
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/session/output_service.hpp"

namespace fcvm::agent {

// A host that dialled again may repeat what it does not know to have arrived.
Result<void> OutputService::on_stdin(const wire::StreamData& data) {
  if (data.stream != wire::Stream::kStdin || data.offset > stdin_received_) {
    return fail(EPROTO, "output: a piece of stdin is missing");
  }
  const std::uint64_t known = stdin_received_ - data.offset;
  if (known >= data.bytes.size()) return {};
  const auto news = data.bytes.substr(known);
  if (stdin_over_ || stdin_received_ + news.size() > stdin_granted_) {
    return fail(EPROTO, "output: more stdin than was asked for");
  }
  stdin_received_ += news.size();
  stdin_queue_.append(news);
  write_stdin();
  return {};
}

void OutputService::write_stdin() {
  if (stdin_gone_) {
    stdin_queue_.clear();
    end_stdin();
    return grant_stdin();
  }
  if (!stdin_) return;  // the container comes later
  std::size_t done = 0;
  while (done < stdin_queue_.size()) {
    const ssize_t wrote =
        ::write(stdin_.get(), stdin_queue_.data() + done, stdin_queue_.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno != EAGAIN) {
      stdin_gone_ = true;
      return write_stdin();
    }
    if (wrote <= 0) break;
    done += static_cast<std::size_t>(wrote);
  }
  stdin_queue_.erase(0, done);
  grant_stdin();
  if (stdin_queue_.empty() && stdin_over_) return end_stdin();
  if (stdin_watched_ == !stdin_queue_.empty()) return;
  stdin_watched_ = !stdin_queue_.empty();
  if (!stdin_watched_) return loop_.forget(stdin_.get());
  stdin_watched_ =
      loop_.watch(stdin_.get(), EPOLLOUT, [this](Loop::Events) { write_stdin(); }).has_value();
}

// In large steps, as with every credit.
void OutputService::grant_stdin() {
  const std::uint64_t limit = stdin_received_ - stdin_queue_.size() + kStdinWindow;
  if (limit < stdin_granted_ + kStdinWindow / 4) return;
  stdin_granted_ = limit;
  if (attached_ != nullptr) attached_->stream.send(wire::encode(wire::StdinLimit{limit}));
}

void OutputService::end_stdin() {
  if (!stdin_) return;
  if (tty_ && !stdin_gone_) {
    // A terminal stays open for its size; its end of file is typed.
    [[maybe_unused]] const auto typed = ::write(stdin_.get(), "\x04", 1);
    return;
  }
  if (std::exchange(stdin_watched_, false)) loop_.forget(stdin_.get());
  stdin_ = base::Fd();
}

}  // namespace fcvm::agent
