// --network-rate, measured through the namespaces: never faster than it says, in each way.
#include <chrono>
#include <future>
#include <sys/socket.h>

#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {
namespace {

constexpr std::uint64_t kRate = 1'000'000;  // bytes per second
/// What may come at once: from the guest a second's worth.
constexpr std::size_t kBurstIn = 256 * 1024;
constexpr std::size_t kBurstOut = kRate;
constexpr std::size_t kMuch = 4'000'000;

/// How long it takes to get `kMuch` to the guest's echo and back.
double seconds_there_and_back(Network& network) {
  base::Fd stream;
  REQUIRE(network.dial(FCVM_PROTO_TCP, kEcho, stream) == 0);
  const auto start = std::chrono::steady_clock::now();
  auto sent = std::async(std::launch::async, [&] {
    return base::write_all(stream.get(), std::string(kMuch, 'x')).has_value();
  });
  std::string buffer(65536, '\0');
  std::size_t back = 0;
  while (back < kMuch) {
    const ssize_t got = ::read(stream.get(), buffer.data(), buffer.size());
    if (got <= 0) break;
    back += static_cast<std::size_t>(got);
  }
  CHECK(back == kMuch);
  CHECK(sent.get());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST_CASE("a network is no faster than it may be, towards the guest and from it") {
  if (Environment::get() == nullptr) return;
  for (const Backend& backend : backends()) {
    for (const bool inwards : {true, false}) {
      INFO(backend.name << (inwards ? " in" : " out"));
      const std::size_t limited = kMuch - (inwards ? kBurstIn : kBurstOut);
      const double least = static_cast<double>(limited) / kRate * 0.95;
      Network network(backend);
      Request request;
      (inwards ? request.rate_in : request.rate_out) = kRate;
      const int code = network.attach(request);
      INFO(network.message());
      REQUIRE(code == 0);
      FakeGuest guest(network);
      const double seconds = seconds_there_and_back(network);
      WARN(backend.name << (inwards ? " in: " : " out: ") << seconds << " s for "
                        << static_cast<double>(kMuch) / kRate << " s worth");
      CHECK(seconds >= least);
    }
  }
}

}  // namespace
}  // namespace fcvm::test
