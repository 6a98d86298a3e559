// Finding the programs that the net plugins bring with them, in libexec/fcvm.
#pragma once

#include <string>

#include <fcvm/result.hpp>

namespace fcvm::net {

/// The path of libexec/fcvm/NAME that belongs to the object which holds this code: a plugin of an
/// installation or of a build tree (<prefix>/lib/fcvm/plugins), or a test program (<build>/tests).
/// Never looked up in PATH: the two sides must be of one build.
Result<std::string> helper_program(const std::string& name);

}  // namespace fcvm::net
