#!/usr/bin/env bash
# Installs Debian packages: packaging/install-dependencies.sh build|run|test|bench...
# As root or through sudo; does nothing when all are there.
set -euo pipefail

packages=()
for group in "${@:-build}"; do
  case $group in
    build) packages+=(g++ cmake ninja-build pkg-config libboost-dev libboost-filesystem-dev
                      libboost-program-options-dev libboost-system-dev libfmt-dev libnftables-dev
                      libspdlog-dev libssl-dev libsystemd-dev libtomlplusplus-dev
                      nlohmann-json3-dev zlib1g-dev) ;;
    run) packages+=(curl e2fsprogs fakeroot libnftables1 libsystemd0 mmdebstrap passt qemu-system-x86 skopeo uidmap
                    xz-utils debian-archive-keyring ca-certificates) ;;
    test) packages+=(binutils btrfs-progs bzip2 catch2 ccache clang cpio dnsmasq-base docker-registry
                     iproute2 iputils-ping jq libclang-rt-dev lz4 make nftables openssl python3-yaml tmux
                     vim-tiny zstd) ;;
    bench) packages+=(crun iperf3 iproute2 jq passt podman slirp4netns socat) ;;
    *) echo "$0: $group is none of build, run, test, bench" >&2; exit 125 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
    missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "$0: these packages are missing: ${missing[*]}" >&2
    echo "  to fix: run this as root, or install sudo" >&2
    exit 125
  }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
