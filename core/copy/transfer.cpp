// See transfer.hpp.
#include "core/copy/transfer.hpp"

#include <cerrno>
#include <fcntl.h>

#include "core/copy/destination.hpp"

namespace fcvm::copy {
namespace {

SourceKind kind_of(const tar::Entry& first) {
  if (first.kind != tar::Kind::kDirectory) return SourceKind::kFile;
  return first.name == "." ? SourceKind::kContents : SourceKind::kDirectory;
}

// The archive's names all begin with the first one's; ours begin with `top` instead.
class Renaming {
 public:
  Renaming(std::string first, std::string top) : first_(std::move(first)), top_(std::move(top)) {}

  [[nodiscard]] Result<std::string> apply(const std::string& name) const {
    const bool within = name == first_ || name.starts_with(first_ + "/");
    if (!within) return fail(EBADMSG, "the archive holds more than one source");
    const std::string rest = FCVM_TRY(clean_name(name.substr(first_.size())));
    if (rest.empty()) return top_;
    return top_.empty() ? rest : top_ + "/" + rest;
  }

 private:
  std::string first_;
  std::string top_;
};

template <typename Rename>
Result<void> put_entry(Unpacker& unpacker, tar::Reader& reader, const tar::Entry& entry,
                       const Rename& rename) {
  const std::string name = FCVM_TRY(rename(entry.name));
  std::string link;
  if (entry.kind == tar::Kind::kHardLink) link = FCVM_TRY(rename(entry.link));
  return unpacker.put(entry, name, link, reader);
}

}  // namespace

Result<void> receive_one(tar::Source source, const std::string& path, const std::string& name,
                         const UnpackRules& rules, const Warn& warn) {
  tar::Reader reader(std::move(source));
  auto entry = FCVM_TRY(reader.next());
  if (!entry) return fail(EBADMSG, "nothing came to be copied");
  const SourceKind kind = kind_of(*entry);
  if ((name == ".") != (kind == SourceKind::kContents)) {
    return fail(EBADMSG, "something else came than what was asked for");
  }
  Destination destination = FCVM_TRY(find_destination(path, kind, name, rules.overwrite));
  const Renaming renaming(entry->name, destination.top);
  Unpacker unpacker(std::move(destination.directory), rules, warn);
  const auto rename = [&](const std::string& theirs) { return renaming.apply(theirs); };
  while (entry) {
    FCVM_TRY(put_entry(unpacker, reader, *entry, rename));
    entry = FCVM_TRY(reader.next());
  }
  FCVM_TRY(unpacker.finish());
  return reader.drain();
}

Result<void> receive_all(tar::Source source, const std::string& directory, const UnpackRules& rules,
                         const Warn& warn) {
  auto opened = base::open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!opened) {
    return fail(opened.error().code(), "the destination " + directory +
                                           " has to be a directory that exists: " +
                                           std::string(std::strerror(opened.error().code())));
  }
  tar::Reader reader(std::move(source));
  Unpacker unpacker(*std::move(opened), rules, warn);
  while (const auto entry = FCVM_TRY(reader.next())) {
    FCVM_TRY(put_entry(unpacker, reader, *entry,
                       [](const std::string& theirs) { return clean_name(theirs); }));
  }
  FCVM_TRY(unpacker.finish());
  return reader.drain();
}

}  // namespace fcvm::copy
