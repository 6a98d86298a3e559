// image.directory: the image NAME is the file NAME.tar, made by `podman save`, in one directory.
#include <sys/stat.h>

#include <fcvm/image.hpp>

struct Options {
  std::string path;
  static auto table() {
    return fcvm::options(
        fcvm::option("path", &Options::path, "Directory that holds NAME.tar").required());
  }
};

class Directory : public fcvm::ImagePlugin {
 public:
  using Options = ::Options;
  static constexpr fcvm::Info kInfo{"image.directory", "1.0.0",
                                    "docker archives in a directory, loaded by the guest"};

  Directory(fcvm::Host host, Options options) : host_(host), options_(std::move(options)) {}

  fcvm::Result<fcvm_image_identity> resolve(const fcvm_image_request& request,
                                            const fcvm::Call& call) {
    const auto archive = FCVM_TRY(find(request));
    const auto sum = FCVM_TRY(host_.capture({"sha256sum", archive.path}, call));
    auto identity = fcvm::sized<fcvm_image_identity>();
    identity.stored_bytes = archive.bytes;
    fcvm::put_text(identity.digest, "sha256:" + sum.substr(0, 64));
    fcvm::put_text(identity.name, request.reference);
    return identity;
  }
  /// manifest.json in the archive names the file which is the image's configuration.
  fcvm::Result<std::string> config(const fcvm_image_request& request, std::string_view,
                                   const fcvm::Call& call) {
    const auto archive = FCVM_TRY(find(request));
    const auto manifest =
        FCVM_TRY(host_.capture({"tar", "-xOf", archive.path, "manifest.json"}, call));
    const auto colon = manifest.find(':', manifest.find("\"Config\""));
    const auto begin = manifest.find('"', colon);
    const auto end = manifest.find('"', begin == std::string::npos ? begin : begin + 1);
    if (end == std::string::npos) {
      return fcvm::fail(EINVAL, archive.path + ": its manifest.json names no Config",
                        "make the archive with `podman save`");
    }
    return host_.capture(
        {"tar", "-xOf", archive.path, "--", manifest.substr(begin + 1, end - begin - 1)}, call);
  }
  fcvm::Result<fcvm::ImageDelivery> prepare(const fcvm_image_request& request, std::string_view,
                                            const fcvm::Call&) {
    const auto archive = FCVM_TRY(find(request));
    return fcvm::ImageDelivery{
        FCVM_GUEST_LOAD_ARCHIVE,
        {{archive.path, "docker-archive", archive.bytes, FCVM_DISK_READ_ONLY}}};
  }
  fcvm::Result<std::vector<std::string>> collect(int, const std::vector<std::string>&,
                                                 const fcvm::Call&) {
    return std::vector<std::string>{};  // the archives are the user's: nothing of ours to remove
  }

 private:
  struct Archive {
    std::string path;
    std::uint64_t bytes;
  };
  [[nodiscard]] fcvm::Result<Archive> find(const fcvm_image_request& request) const {
    const std::string path = options_.path + "/" + request.reference + ".tar";
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0) {
      return Archive{path, static_cast<std::uint64_t>(info.st_size)};
    }
    return fcvm::fail_errno("looking for the image " + path,
                            "podman save -o " + path + " " + request.reference);
  }

  fcvm::Host host_;
  Options options_;
};
FCVM_EXPORT_PLUGIN(Directory);
