// See identity.hpp.
#include "agent/boot/identity.hpp"

#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/boot/kernel_files.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {

Result<void> set_clock(std::int64_t realtime_ns) {
  if (realtime_ns <= 0) return {};
  const timespec now{realtime_ns / 1'000'000'000, realtime_ns % 1'000'000'000};
  if (::clock_settime(CLOCK_REALTIME, &now) != 0) return fail_errno("setting the clock");
  return {};
}

Result<void> add_entropy(const std::string& entropy) {
  if (entropy.empty()) return {};
  const auto device = FCVM_TRY(base::open_file("/dev/urandom", O_RDWR));
  const int sizes[2] = {static_cast<int>(entropy.size() * 8), static_cast<int>(entropy.size())};
  std::string pool(reinterpret_cast<const char*>(sizes), sizeof sizes);
  pool += entropy;
  if (::ioctl(device.get(), RNDADDENTROPY, pool.data()) != 0 ||
      ::ioctl(device.get(), RNDRESEEDCRNG) != 0) {
    return fail_errno("reseeding the kernel's random numbers");
  }
  return {};
}

Result<void> set_hostname(const std::string& hostname) {
  if (hostname.empty()) return {};
  if (::sethostname(hostname.data(), hostname.size()) != 0) {
    return fail_errno("setting the hostname " + hostname);
  }
  return write_file("/etc/hostname", hostname + "\n");
}

std::string random_name() {
  unsigned char bytes[16] = {};
  // Does not wait: at worst a young kernel gives what it has.
  [[maybe_unused]] const auto got = ::getrandom(bytes, sizeof bytes, GRND_INSECURE);
  std::string name;
  for (const unsigned char byte : bytes) {
    name.push_back("0123456789abcdef"[byte >> 4]);
    name.push_back("0123456789abcdef"[byte & 15]);
  }
  return name;
}

Result<void> set_machine_id(const std::string& machine_id) {
  const bool has_one = base::read_file("/etc/machine-id").value_or("").size() >= 32;
  if (machine_id.empty() && has_one) return {};
  return write_file("/etc/machine-id", (machine_id.empty() ? random_name() : machine_id) + "\n");
}

}  // namespace fcvm::agent
