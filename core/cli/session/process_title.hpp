// What other users see of this process: /proc/PID/cmdline can be read by all, and the words of a
// command line may hold secrets (-e TOKEN=...).
#pragma once

#include <string_view>

namespace fcvm::cli {

/// Called once, from main(), after its arguments were copied.
void remember_arguments(int argc, char** argv);

/// Writes stars over the value of "NAME=value" wherever it stands in the arguments.
void hide_value(std::string_view variable);

/// Overwrites the arguments with `title`, as `ps` then shows it, cut to the room there is.
void set_process_title(std::string_view title);

}  // namespace fcvm::cli
