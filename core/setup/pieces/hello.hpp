// The image fcvm/hello: the guest suite's static busybox, which greets. It lets a first run, and
// every test, do without a registry.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/setup/pieces/job.hpp"

namespace fcvm::setup {

inline constexpr std::string_view kHelloImage = "localhost/fcvm/hello:latest";

/// What /bin/hello does; part of the archive's key.
[[nodiscard]] std::string_view hello_script();
/// How its layer was made, as the image's history says; part of the archive's key. Programs that
/// build upon an image want a line for each layer.
inline constexpr std::string_view kHelloHistory = "fcvm setup: the guest's busybox";

/// A docker-archive, as `podman load` and skopeo's docker-archive: take it.
[[nodiscard]] std::string hello_archive(std::string_view busybox,
                                        const std::vector<std::string>& applets,
                                        std::string_view architecture);
/// The piece with the file hello.tar, of the busybox in the piece `rootfs`.
[[nodiscard]] Result<Piece> make_hello(const Job& job, const Piece& rootfs);

}  // namespace fcvm::setup
