// See patient_sink.hpp.
#include "core/log/patient_sink.hpp"

#include <cerrno>
#include <poll.h>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "core/base/deadline.hpp"

namespace fcvm::log {
namespace {

constexpr std::chrono::milliseconds kPatience{200};

const char* colour_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return "\033[36m";
    case spdlog::level::info:
      return "\033[32m";
    case spdlog::level::warn:
      return "\033[33m\033[1m";
    case spdlog::level::err:
      return "\033[31m\033[1m";
    default:
      return "\033[37m";
  }
}

}  // namespace

void PatientSink::sink_it_(const spdlog::details::log_msg& record) {
  spdlog::memory_buf_t formatted;
  formatter_->format(record, formatted);
  std::string line(formatted.data(), formatted.size());
  if (colour_ && record.color_range_end > record.color_range_start) {
    line.insert(record.color_range_end, "\033[m");
    line.insert(record.color_range_start, colour_of(record.level));
  }
  if (!written_within(std::chrono::milliseconds(0))) {
    ++dropped_;
    return;
  }
  tell_dropped();
  put(line);
  stuck_ = !written_within(stuck_ ? std::chrono::milliseconds(0) : kPatience);
}

void PatientSink::tell_dropped() {
  if (dropped_ == 0) return;
  const auto text =
      fmt::format("dropped before this, as nobody read it: {}", std::exchange(dropped_, 0));
  put(format_ == Format::kJson ? fmt::format(R"({{"level":"warning","message":"{}"}})", text) + '\n'
                               : text + '\n');
}

/// Not all of it may go at once; the rest waits here. A reader that has gone gets nothing.
void PatientSink::put(std::string_view line) {
  [[maybe_unused]] const auto written = writer_.put(line);
}

bool PatientSink::written_within(std::chrono::milliseconds limit) {
  const auto deadline = base::Deadline::in(limit);
  while (!writer_.empty()) {
    pollfd polled{writer_.fd(), POLLOUT, 0};
    const int ready = ::poll(&polled, 1, deadline.as_poll_ms());
    if (ready == 0 || (ready < 0 && errno != EINTR)) return false;
    if (ready > 0 && !writer_.flush()) return false;
    if (deadline.expired()) return writer_.empty();
  }
  return true;
}

}  // namespace fcvm::log
