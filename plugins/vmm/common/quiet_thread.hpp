// A thread that takes no signals: they are for the program that loaded the plugin. Owns nothing.
#pragma once

#include <csignal>
#include <cstring>
#include <pthread.h>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fcvm/result.hpp>

namespace fcvm::vmm {

template <typename Body>
[[nodiscard]] Result<std::thread> start_quiet_thread(Body body) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  int error = 0;
  try {
    thread = std::thread(std::move(body));
  } catch (const std::system_error& thrown) {
    error = thrown.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return fail(error, std::string("starting a thread: ") + std::strerror(error));
  return thread;
}

}  // namespace fcvm::vmm
