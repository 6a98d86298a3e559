# Completion of the command line, as a real bash has it, and the man pages that the build installs.
. "$(dirname "$0")/../support/assert.sh"
. "$(dirname "$0")/../support/fake_vm.sh"
cleanup() {
  "$FCVM" rm -af >/dev/null 2>&1
  for one in "${pids[@]}"; do [ ! -e "/proc/$one" ] || kill -9 "$one"; done
  rm -rf "$scratch"
}
trap cleanup EXIT
mkdir -p "$FCVM_CONFIG_ROOT/etc/fcvm"
printf '[profile.big]\ncpus = 8\n[profile.small]\ncpus = 1\n' >"$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"

"$FCVM" completion bash >"$scratch/fcvm.bash"
# typed WORD...: what bash proposes for the last word, sorted, in one line. bash calls the function so.
typed() {
  out=$(bash --norc --noprofile -c '
    compopt() { printf "compopt %s\n" "$*"; }
    source "$1" && shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _fcvm
    printf "%s\n" "${COMPREPLY[@]}"' bash "$scratch/fcvm.bash" "$FCVM" "$@" 2>&1 | sort | tr '\n' ' ')
  out=${out% }
}
has() { case " $out " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

check "bash sources the script" bash -n "$scratch/fcvm.bash"
run bash --norc --noprofile -c 'source "$1" && complete -p fcvm' bash "$scratch/fcvm.bash"
check "which completes fcvm" contains "$out" "-F _fcvm fcvm"
typed st
check "verbs are completed" test "$out" = "start stats stop"
typed plugin ""
check "and their second words" test "$out" = "check inspect list ls"
typed podman at
check "podman's are, too" test "$out" = attach
typed container kil
check "also behind container" test "$out" = kill
typed --log-l
check "global options are, before a verb" test "$out" = --log-level
typed --log-level debug ls --so
check "options of a verb are" test "$out" = --sort
typed ls --sort ""
check "choices are" test "$out" = "command created id image names runningfor status"
typed ls --sort = na
check "also behind a =" test "$out" = names
typed run --mem
check "options of [run] are, with their other names" test "$out" = "--mem --memory"
typed run --profile ""
check "profiles are" test "$out" = "big small"
typed run --vmm q
check "plugins are" test "$out" = qemu
typed plugin inspect net.br
check "by their ids, too" test "$out" = net.bridged
typed run --env-file ""
check "files are left to the shell" has "default"
typed run fcvm/hello --priv
check "options end where the container's command begins" test -z "$(grep -o privileged <<<"$out")"
typed completion ""
check "shells are" test "$out" = "bash fish zsh"
typed comple
check "what only scripts use is not" test "$out" = completion
start web
start db
"$FCVM" pause db >/dev/null
typed stop ""
check "names of VMs are" test "$out" = "db web"
typed exec -it w
check "also behind options" test "$out" = web
typed unpause ""
check "of those that the verb may mean" test "$out" = db
typed logs --tail 5 ""
check "a value is not taken for a name" test "$out" = "db web"
typed attach web ""
check "and no more than the verb takes" test -z "$out"
printf '[run\n' >"$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"
typed stop w
check "a broken configuration is nothing to complete by, and says nothing" test "$out" = web
rm "$FCVM_CONFIG_ROOT/etc/fcvm/fcvm.toml"
run "$FCVM" completion tcsh
check "another shell is an error" contains "$err" "bash, zsh or fish"
for shell in zsh fish; do
  "$FCVM" completion "$shell" >"$scratch/fcvm.$shell"
  command -v "$shell" >/dev/null || continue
  run "$shell" -n "$scratch/fcvm.$shell"
  check "$shell takes its script" test "$rc" -eq 0
done

share=$FCVM_BUILD/share
check "the build has the scripts" cmp -s "$scratch/fcvm.bash" "$share/bash-completion/completions/fcvm"
check "for zsh" cmp -s "$scratch/fcvm.zsh" "$share/zsh/site-functions/_fcvm"
check "and for fish" cmp -s "$scratch/fcvm.fish" "$share/fish/vendor_completions.d/fcvm.fish"
verbs=$("$FCVM" --help | sed -n '/^Verbs:/,/^Global/s/^  \([a-z][a-z-]*\( [a-z][a-z]*\)\{0,1\}\).*/\1/p')
while read -r verb; do
  page=$share/man/man1/fcvm-${verb// /-}.1
  check "fcvm $verb has a man page" test -s "$page"
  # shellcheck disable=SC2086
  missing=$("$FCVM" $verb --help | grep -oE -- '^ +(-[a-zA-Z], )?--[a-z0-9-]+' | grep -oE -- '--.*' | sed 's/-/\\-/g' | while read -r option; do
    grep -qF -- "$option" "$page" || echo "$option"
  done)
  check "with all of its options: ${missing:-they are there}" test -z "$missing"
done <<<"$verbs"
check "so has the configuration" grep -qF 'publish\-address' "$share/man/man5/fcvm.toml.5"
for page in "$share"/man/man1/*.1 "$share"/man/man5/*.5; do
  if command -v mandoc >/dev/null; then
    run mandoc -T lint -W error "$page"
  elif command -v man >/dev/null && command -v groff >/dev/null; then
    run env LC_ALL=C.UTF-8 MANROFFSEQ= man --warnings -E UTF-8 -l -Tutf8 -Z "$page"
  else
    continue
  fi
  check "${page##*/} is good roff" test -z "$(grep -v '^mandoc: see' <<<"$err")"
done
finish
