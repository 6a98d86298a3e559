// The host that a net plugin is tested on: network and mount namespaces of the test program's own,
// so that the machine's network is never touched. There is an uplink to a machine "outside", a
// resolv.conf that names a resolver on the loopback, and /dev/net/tun as distributions have it.
#pragma once

#include <optional>
#include <string>

#include "core/base/io/temp_dir.hpp"
#include "core/base/process/namespaces.hpp"
#include "tests/contract/net/server.hpp"

namespace fcvm::test {

constexpr const char* kHostIpv4 = "192.0.2.2";
constexpr const char* kOutsideIpv4 = "192.0.2.1";
constexpr const char* kHostIpv6 = "2001:db8::2";
constexpr const char* kOutsideIpv6 = "2001:db8::1";
constexpr const char* kStubResolver = "127.0.0.53";
/// What a cloud has, outside as well.
constexpr const char* kMetadataIpv4 = "169.254.169.254";
constexpr const char* kMetadataIpv6 = "fd00:ec2::254";
constexpr std::uint16_t kOutsidePort = 4000;

class Environment {
 public:
  /// The one of this program, made at the first call, which must come before any thread; nothing
  /// when this machine allows none, after saying why. With FCVM_TEST_USER set, the program is an
  /// ordinary user from then on.
  static Environment* get();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  /// The machine outside.
  [[nodiscard]] const base::Namespace& outside() const { return *outside_; }
  /// Bound while there still was the privilege: outside, on kOutsidePort, and where resolv.conf
  /// points to.
  [[nodiscard]] const ServerSockets& outside_ipv4() const { return outside_ipv4_; }
  [[nodiscard]] const ServerSockets& outside_ipv6() const { return outside_ipv6_; }
  [[nodiscard]] const ServerSockets& metadata_ipv4() const { return metadata_ipv4_; }
  [[nodiscard]] const ServerSockets& metadata_ipv6() const { return metadata_ipv6_; }
  [[nodiscard]] const ServerSockets& stub_resolver() const { return stub_resolver_; }

 private:
  Environment() = default;
  Result<void> make();
  Result<void> make_mounts();
  Result<void> make_uplink();
  Result<void> bind_sockets();

  std::optional<base::Namespace> outside_;
  std::optional<base::TempDir> files_;
  ServerSockets outside_ipv4_;
  ServerSockets outside_ipv6_;
  ServerSockets metadata_ipv4_;
  ServerSockets metadata_ipv6_;
  ServerSockets stub_resolver_;
};

}  // namespace fcvm::test
