#include "core/setup/recipe.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/setup/program.hpp"

namespace fcvm::setup {
namespace {

// kmod and the modules of the suite's kernel are in the image, so that the kernel can load what a
// container asks for (nf_tables, btrfs, tun); the initrd has only what comes before the root.
constexpr std::string_view kInRoot =
    "podman,crun,netavark,aardvark-dns,iproute2,nftables,fuse3,ca-certificates,btrfs-progs,"
    "e2fsprogs,kmod,busybox-static,catatonit,tzdata";

constexpr std::string_view kLeftOut[] = {"doc",    "man", "locale", "info", "bash-completion",
                                         "lintian"};

// Maintainer scripts need perl and gconv while they run: such things go at the end instead.
constexpr std::string_view kKernelHook = R"sh(set -e
mkdir "$1/fcvm-extras"
cd "$1/fcvm-extras"
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
package=$(apt-cache depends linux-image-cloud-ARCH | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
test -n "$package" || { echo "E: the suite has no linux-image-cloud-ARCH" >&2; exit 1; }
apt-get -q -o APT::Sandbox::User=root download "$package"
dpkg-deb -x linux-image-*.deb kernel
rm linux-image-*.deb
test -d kernel/usr/lib/modules || { mkdir -p kernel/usr/lib; mv kernel/lib/modules kernel/usr/lib/; }
version=$(ls kernel/usr/lib/modules)
mkdir tree
mv kernel/boot/vmlinuz-* tree/vmlinuz
mv "kernel/usr/lib/modules/$version" tree/modules
rm -rf kernel
printf '%s' "$version" > tree/version
mkdir -p "$1/lib/modules"
cp -a tree/modules "$1/lib/modules/$version"
chroot "$1" depmod "$version"
cp -L "$1/bin/busybox" busybox
chroot "$1" busybox --list > applets
chroot "$1" dpkg-query -W > packages
)sh";

constexpr std::string_view kCleanHook = R"sh(set -e
cd "$1"
rm -rf fcvm-extras var/lib/apt/lists/* var/cache/apt/* var/log/* etc/hostname etc/resolv.conf \
  etc/machine-id usr/libexec/podman/podman-testing usr/libexec/podman/quadlet \
  usr/lib/podman/netavark-dhcp-proxy-client usr/lib/*/gconv usr/share/perl5 usr/share/i18n
: > etc/resolv.conf
)sh";

// The identifiers are fixed. Still, mke2fs before 1.47.1 writes when the tree was unpacked: the
// same packages give the same files, but not the same image.
constexpr std::string_view kImageScript = R"sh(
tar -C "$1" --xattrs --xattrs-include='*' -xpf "$2" --exclude='./dev/*'
used=$(du -sk "$1" | cut -f 1)
files=$(find "$1" | wc -l)
truncate -s "$((used * 11 / 10 / 1024 + 24))M" "$3"
mke2fs -q -F -t ext4 -O ^has_journal,^resize_inode,^metadata_csum -m 0 -b 4096 \
  -N "$((files + 512))" -L fcvm-base -U 00000000-0000-4000-8000-000000000001 \
  -E root_owner=0:0,hash_seed=00000000-0000-4000-8000-000000000001,lazy_itable_init=0 \
  -d "$1" "$3"
)sh";

std::string kernel_hook(std::string_view architecture) {
  std::string hook(kKernelHook);
  for (auto at = hook.find("ARCH"); at != std::string::npos; at = hook.find("ARCH", at)) {
    hook.replace(at, 4, architecture);
  }
  return hook;
}

std::vector<std::string> fixed_words(std::string_view architecture) {
  std::vector<std::string> words = {"--variant=essential", "--format=tar",
                                    "--aptopt=APT::Install-Recommends \"false\"",
                                    fmt::format("--include={}", kInRoot)};
  for (const auto& left_out : kLeftOut) {
    words.push_back(fmt::format("--dpkgopt=path-exclude=/usr/share/{}/*", left_out));
  }
  words.push_back("--customize-hook=" + kernel_hook(architecture));
  return words;
}

}  // namespace

std::string_view image_script() { return kImageScript; }

std::string recipe_text(std::string_view architecture) {
  return fmt::format("{}\n{}\n{}", fmt::join(fixed_words(architecture), "\n"), kCleanHook,
                     kImageScript);
}

std::vector<std::string> mmdebstrap_words(const Bootstrap& bootstrap) {
  std::vector<std::string> words = {"mmdebstrap",
                                    bootstrap.unshare ? "--mode=unshare" : "--mode=root"};
  const auto fixed = fixed_words(bootstrap.architecture);
  words.insert(words.end(), fixed.begin(), fixed.end());
  words.push_back("--customize-hook=sync-out /fcvm-extras " + shell_quote(bootstrap.extras));
  words.push_back(fmt::format("--customize-hook={}", kCleanHook));
  words.insert(words.end(), {bootstrap.suite, bootstrap.tarball});
  if (!bootstrap.mirror.empty()) words.push_back(bootstrap.mirror);
  return words;
}

}  // namespace fcvm::setup
