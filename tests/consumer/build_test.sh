#!/bin/bash
# Plugins built outside the tree against an installed fcvm, through CMake and through pkg-config, and
# found by that fcvm in a directory which its TOML names.
. "$(dirname "$0")/../support/assert.sh"
. "$FCVM_SOURCE/tests/consumer/installed.sh"

cp -r "$FCVM_SOURCE/tests/consumer/cmake" "$FCVM_SOURCE/tests/consumer/pkgconfig" "$scratch"
run cmake -S "$scratch/cmake" -B "$scratch/cmake/build"
check "find_package finds the installed fcvm" [ "$rc" -eq 0 ]
run cmake --build "$scratch/cmake/build"
check "the CMake plugin builds" [ "$rc" -eq 0 ]
check "it exports one symbol" exports_one_symbol "$scratch/cmake/build/net.consumer.so"

run cmake -S "$scratch/cmake" -B "$scratch/c++17" -DCMAKE_CXX_STANDARD=17
run cmake --build "$scratch/c++17"
check "a plugin may be C++17" [ "$rc" -eq 0 ]

run make -C "$scratch/pkgconfig"
check "the pkg-config plugin builds" [ "$rc" -eq 0 ]
check "it exports one symbol" exports_one_symbol "$scratch/pkgconfig/readiness.consumer.so"
run fcvm-plugin-check --strict "$scratch/pkgconfig/readiness.consumer.so"
check "the installed checker finds no fault with the gate" [ "$rc" -eq 0 ]
run pkg-config --variable=plugindir fcvm-plugin-api
check "pkg-config names the plugin directory" [ "$(realpath -m "$out")" = "$prefix/lib/fcvm/plugins" ]

run cmake --install "$scratch/cmake/build" --prefix "$prefix"
check "the plugin installs where fcvm looks" [ -f "$prefix/lib/fcvm/plugins/net.consumer.so" ]
rm -f "$prefix/lib/fcvm/plugins/net.consumer.so"

mv "$prefix" "$prefix.moved" && prefix="$prefix.moved"
export PATH="$prefix/bin:$PATH" PKG_CONFIG_PATH="$prefix/share/pkgconfig"
run make -B -C "$scratch/pkgconfig"
check "pkg-config is relocatable" [ "$rc" -eq 0 ]
run cmake -S "$scratch/cmake" -B "$scratch/moved" "-DCMAKE_PREFIX_PATH=$prefix"
check "the CMake package is relocatable" [ "$rc" -eq 0 ]

if installed fcvm; then
  mkdir -p "$XDG_CONFIG_HOME/fcvm"
  printf '[paths]\nplugin-dirs = ["%s", "%s"]\n' "$scratch/cmake/build" "$scratch/pkgconfig" \
    >"$XDG_CONFIG_HOME/fcvm/fcvm.toml"
  run fcvm plugin ls --json
  check "fcvm lists the directories in its TOML" [ "$rc" -eq 0 ]
  check "with the CMake plugin" contains "$out" '"net.consumer"'
  check "with the pkg-config plugin" contains "$out" '"readiness.consumer"'
  run fcvm plugin inspect net.consumer
  check "fcvm inspects the CMake plugin" contains "$out" "2.0.1"
  run fcvm plugin inspect readiness.consumer
  check "fcvm inspects the pkg-config plugin" contains "$out" "How long to wait"
  check "and shows the option's default" contains "$out" "1s"
fi
finish
