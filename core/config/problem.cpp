#include "core/config/problem.hpp"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

namespace fcvm::config {

namespace {

auto key(const Origin& origin) {
  return std::tie(origin.layer, origin.file, origin.line, origin.column, origin.name);
}

}  // namespace

std::string Problem::text() const {
  std::string place;
  if (!where.file.empty()) {
    place = where.file;
    if (where.line != 0) {
      place += ":" + std::to_string(where.line) + ":" + std::to_string(where.column);
    }
  } else {
    place = where.name;
  }
  return place.empty() ? message : place + ": " + message;
}

void Problems::add(Origin where, std::string message, std::string remedy) {
  Problem problem{std::move(where), std::move(message), std::move(remedy)};
  const auto same = [&problem](const Problem& other) {
    return other.message == problem.message && key(other.where) == key(problem.where);
  };
  if (std::any_of(all_.begin(), all_.end(), same)) return;
  if (all_.size() == most_) {
    ++dropped_;
  } else {
    all_.push_back(std::move(problem));
  }
}

void Problems::sort() {
  std::stable_sort(all_.begin(), all_.end(),
                   [](const Problem& a, const Problem& b) { return key(a.where) < key(b.where); });
}

Result<void> Problems::result() const {
  if (all_.empty()) return {};
  std::string text;
  for (const Problem& problem : all_) text += (text.empty() ? "" : "\n") + problem.text();
  if (dropped_ != 0) text += "\nand " + std::to_string(dropped_) + " more";
  return fail(EINVAL, std::move(text), all_.size() == 1 ? all_.front().remedy : "");
}

}  // namespace fcvm::config
