// Attachment: owns one VM's network while it is attached: the holder, pasta, and the published
// ports. Whatever way it goes, all of it goes.
#pragma once

#include <memory>

#include <fcvm/net.hpp>
#include <fcvm/result.hpp>

#include "plugins/net/common/health_watch.hpp"
#include "plugins/net/common/publisher.hpp"
#include "plugins/net/rootless/holder_client.hpp"
#include "plugins/net/rootless/host_addresses.hpp"
#include "plugins/net/rootless/options.hpp"
#include "plugins/net/rootless/pasta.hpp"

namespace fcvm::rootless {

class Attachment {
 public:
  static Result<std::unique_ptr<Attachment>> make(const Host& host, const Options& options,
                                                  const fcvm_net_request& request,
                                                  const Call& call);
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  ~Attachment();

  /// Ends all of it, with the verbs that are under way in other threads; returns when it has ended.
  void end();

  /// What the guest and the VMM are told.
  Result<NetAttachment> describe() const;

  Result<Fd> dial(std::uint32_t protocol, std::uint16_t port, const Call& call) const;
  Result<Published> publish(const fcvm_publish& wanted, const Call& call);
  Result<void> unpublish(const fcvm_publish& unwanted, const Call& call);
  Result<NetHealth> health() const;

 private:
  Attachment(const Host& host, Plan plan, Holder holder, std::unique_ptr<net::Publisher> publisher)
      : host_(host),
        plan_(std::move(plan)),
        publisher_(std::move(publisher)),
        holder_(std::move(holder)) {}
  Result<void> close_tap();
  Result<void> start_pasta(const std::vector<std::string>& command, const Call& call);
  Result<void> await_pasta(const Call& call);
  Result<void> start_publisher(const Call& call);

  Host host_;
  Plan plan_;
  std::unique_ptr<net::Publisher> publisher_;
  Holder holder_;
  std::unique_ptr<HostAddresses> host_addresses_;
  Pasta pasta_;
  net::HealthWatch watched_;  // of all that may end
};

}  // namespace fcvm::rootless
