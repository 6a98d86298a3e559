// The guest ports: where fc-agent listens and the host dials. Owns nothing.
#pragma once

#include <array>
#include <cstdint>

namespace fcvm::wire {

/// Above 1024, which AF_VSOCK reserves for the privileged; below 10240, so that they never meet
/// the kernel's automatic ones.
constexpr std::uint32_t kControlPort = 5100;
constexpr std::uint32_t kOutputPort = 5101;
constexpr std::uint32_t kExecPort = 5102;
constexpr std::uint32_t kForwardPort = 5103;
/// Of mapped directories; the agent only passes the streams on.
constexpr std::uint32_t kFusePort = 5104;

constexpr std::array<std::uint32_t, 5> kAgentPorts = {kControlPort, kOutputPort, kExecPort,
                                                      kForwardPort, kFusePort};

/// The name of the virtio-serial port that carries the multiplexer where there is no vsock.
constexpr char kMuxPortName[] = "org.fcvm.mux";

}  // namespace fcvm::wire
