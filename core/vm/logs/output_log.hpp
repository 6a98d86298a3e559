// OutputLog: where what a container writes is kept, as the log driver says.
#pragma once

#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::vm {

enum class LogStream { kStdout, kStderr };

class OutputLog {
 public:
  OutputLog() = default;
  OutputLog(const OutputLog&) = default;
  OutputLog& operator=(const OutputLog&) = default;
  OutputLog(OutputLog&&) = default;
  OutputLog& operator=(OutputLog&&) = default;
  virtual ~OutputLog() = default;

  [[nodiscard]] virtual Result<void> write(LogStream stream, std::string_view bytes) = 0;
  /// Writes what still waits for the end of its line.
  [[nodiscard]] virtual Result<void> finish() = 0;
};

}  // namespace fcvm::vm
