// Skopeo: runs the program that speaks to registries, with the user's credentials and policy. It is
// started by the host's process/1 and dies with the call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/host.hpp>

#include "plugins/image/common/documents.hpp"
#include "plugins/image/common/options.hpp"
#include "plugins/image/common/reference.hpp"

namespace fcvm::archive {

class Skopeo {
 public:
  /// Called while the program runs; what it fails with ends it.
  using Tick = std::function<Result<void>()>;

  Skopeo(const Host& host, const Options& options, Platform platform)
      : host_(host), options_(options), platform_(std::move(platform)) {}

  /// "1.9.3". ENOENT when there is no such program.
  Result<std::string> version(const Call& call) const;
  /// The manifest as it is stored, whose digest is the image's.
  Result<std::string> manifest(const Reference& reference, const Call& call) const;
  /// The configuration as it is stored. What skopeo unpacks on the way goes to `scratch`.
  Result<std::string> config(const Reference& reference, const std::string& digest,
                             const std::string& scratch, const Call& call) const;
  /// Into a docker-archive at `file`; `tick` is called several times a second.
  Result<void> copy(const Reference& reference, const std::string& digest, const std::string& file,
                    const std::string& scratch, const Call& call, const Tick& tick) const;

  [[nodiscard]] const std::string& plugin() const { return options_.plugin; }
  /// The bytes to which an archive may unpack, as the user set it.
  [[nodiscard]] std::uint64_t largest_archive() const {
    return static_cast<std::uint64_t>(options_.largest_archive) << 20;
  }

 private:
  [[nodiscard]] bool insecure(const Reference& reference) const;
  /// Its standard output; an error in the user's terms when it fails.
  Result<std::string> run(const Reference& reference, std::vector<std::string> arguments,
                          const std::string& scratch, const Call& call, const Tick& tick) const;

  Host host_;
  Options options_;
  Platform platform_;
};

}  // namespace fcvm::archive
