// Other firewalls on the host that drop what is forwarded unless they accept it themselves: Docker
// makes one. An accept of ours counts for nothing there, and every drop is final.
//
// Docker keeps a chain for rules of others, DOCKER-USER, where ours let this VM's packets pass; our
// own table goes on deciding which of them may. Nobody else has such a chain: there we only say so.
#pragma once

#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "plugins/net/veth/nft.hpp"

namespace fcvm::net {

struct ForeignChain {
  std::string family;  // "ip", "ip6", "inet"
  std::string table;
  std::string chain;
  bool takes_rules = false;  // it is a DOCKER-USER

  [[nodiscard]] std::string to_string() const { return family + " " + table + " " + chain; }
};

/// The chains on the way of forwarded packets whose policy is to drop them; in place of one, the
/// DOCKER-USER of its table, if there is one.
Result<std::vector<ForeignChain>> dropping_chains(Nft& nft);

/// The commands that let the packets of this link pass; `mark` is the rules' comment.
std::string pass_command(const ForeignChain& chain, const std::string& link,
                         const std::string& mark);

/// Deletes all rules of that comment from every DOCKER-USER.
Result<void> delete_passes(Nft& nft, const std::string& mark);

}  // namespace fcvm::net
