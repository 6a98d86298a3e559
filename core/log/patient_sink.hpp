// PatientSink: standard error for log records. It waits for a reader that is slow, but not for one
// that has stopped to read: then whole records are dropped, and their number is said with the next
// one that goes. So no log holds up what is being done.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

#include <spdlog/sinks/base_sink.h>

#include "core/base/io/shared_writer.hpp"
#include "core/log/log.hpp"

namespace fcvm::log {

class PatientSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  PatientSink(int fd, Format format, bool colour) : writer_(fd), format_(format), colour_(colour) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& record) override;
  void flush_() override {}

 private:
  void put(std::string_view line);
  void tell_dropped();
  bool written_within(std::chrono::milliseconds limit);

  base::SharedWriter writer_;
  Format format_;
  bool colour_;
  bool stuck_ = false;  // nothing has been read for as long as is waited
  std::uint64_t dropped_ = 0;
};

}  // namespace fcvm::log
