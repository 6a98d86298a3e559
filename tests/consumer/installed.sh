# An fcvm installed from $FCVM_BUILD into $prefix, as an author finds it. Sourced after assert.sh.
prefix="$scratch/prefix"
run cmake --install "$FCVM_BUILD" --prefix "$prefix"
check "fcvm installs" [ "$rc" -eq 0 ]
export PATH="$prefix/bin:$PATH" CMAKE_PREFIX_PATH="$prefix" CMAKE_GENERATOR=Ninja
export PKG_CONFIG_PATH="$prefix/share/pkgconfig"
unset FCVM_CONFIG_ROOT FCVM_PLUGIN_PATH

# exports_one_symbol FILE
exports_one_symbol() {
  [ "$(nm -D --defined-only "$1" | awk '{ print $NF }')" = fcvm_plugin_entry_v1 ]
}
# installed PROGRAM: false, with a word, in a build that has no such program yet.
installed() {
  [ -x "$prefix/bin/$1" ] && return
  echo "not checked: this build has no $1"
  return 1
}
