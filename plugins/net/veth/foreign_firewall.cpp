// See foreign_firewall.hpp.
#include "plugins/net/veth/foreign_firewall.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace fcvm::net {

namespace {

using Json = nlohmann::json;

constexpr const char* kChainForOthers = "DOCKER-USER";

/// The objects of one kind in a listing.
Result<std::vector<Json>> objects(Nft& nft, const std::string& command, const char* kind) {
  const std::string text = FCVM_TRY(nft.ask(command, "looking at the host's firewall"));
  const Json all = Json::parse(text, nullptr, false);
  std::vector<Json> found;
  if (all.is_discarded() || !all.contains("nftables")) return found;
  for (const auto& one : all["nftables"]) {
    if (one.is_object() && one.contains(kind)) found.push_back(one[kind]);
  }
  return found;
}

std::string text_of_field(const Json& object, const char* field) {
  const auto at = object.find(field);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

ForeignChain chain_of(const Json& object) {
  const std::string name = text_of_field(object, "name");
  return {text_of_field(object, "family"), text_of_field(object, "table"), name,
          name == kChainForOthers};
}

bool drops_by_policy(const Json& chain) {
  return text_of_field(chain, "hook") == "forward" && text_of_field(chain, "policy") == "drop";
}

}  // namespace

Result<std::vector<ForeignChain>> dropping_chains(Nft& nft) {
  const auto chains = FCVM_TRY(objects(nft, "list chains", "chain"));
  std::vector<ForeignChain> found;
  for (const auto& chain : chains) {
    if (!drops_by_policy(chain)) continue;
    const ForeignChain dropping = chain_of(chain);
    const auto open = std::find_if(chains.begin(), chains.end(), [&](const Json& other) {
      const ForeignChain candidate = chain_of(other);
      return candidate.takes_rules && candidate.family == dropping.family &&
             candidate.table == dropping.table;
    });
    found.push_back(open == chains.end() ? dropping : chain_of(*open));
  }
  return found;
}

std::string pass_command(const ForeignChain& chain, const std::string& link,
                         const std::string& mark) {
  std::string text;
  for (const char* direction : {"iifname", "oifname"}) {
    text += "insert rule " + chain.to_string() + " " + direction + " \"" + link +
            "\" accept comment \"" + mark + "\"\n";
  }
  return text;
}

Result<void> delete_passes(Nft& nft, const std::string& mark) {
  std::string commands;
  for (const auto& object : FCVM_TRY(objects(nft, "list chains", "chain"))) {
    const ForeignChain chain = chain_of(object);
    if (!chain.takes_rules) continue;
    const auto rules = FCVM_TRY(objects(nft, "list chain " + chain.to_string(), "rule"));
    for (const auto& rule : rules) {
      const auto handle = rule.find("handle");
      if (text_of_field(rule, "comment") != mark || handle == rule.end()) continue;
      commands += "delete rule " + chain.to_string() + " handle " +
                  std::to_string(handle->get<std::uint64_t>()) + "\n";
    }
  }
  if (commands.empty()) return {};
  return nft.run(commands, "removing our rules from " + std::string(kChainForOthers));
}

}  // namespace fcvm::net
