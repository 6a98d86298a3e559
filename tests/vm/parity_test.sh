# What `fcvm exec` does is what `podman exec` does: each case of parity_cases.sh runs through podman
# inside the guest and through fcvm, on one container, and what comes out is compared.
. "$(dirname "$0")/machine.sh"
. "$(dirname "$0")/../support/image.sh"

hello_tree "$scratch/tree"
mkdir -p "$scratch/tree/opt/bin" "$scratch/tree/opt/a b" "$scratch/tree/home/member"
printf '#!/bin/sh\necho special\n' >"$scratch/tree/opt/bin/special"
chmod 755 "$scratch/tree/opt/bin/special"
echo 'member:x:1000:1000::/home/member:/bin/sh' >>"$scratch/tree/etc/passwd"
printf 'member:x:1000:\nfirst:x:2001:member\nsecond:x:2002:nobody,member\n' >>"$scratch/tree/etc/group"
make_image "$scratch/parity.tar" localhost/parity:latest "$scratch/tree" PATH=/bin HOME=/root

box=$(named parity)
run "$FCVM" run -d --cpus 2 --memory 1G --name "$box" -e FROM_RUN=run "docker-archive:$scratch/parity.tar" sleep 100000
check "the container runs" test "$rc" -eq 0

# --- the files that both sides read ---
mkdir -p "$scratch/files" "$scratch/ours" "$scratch/theirs"
cd "$scratch/files" || exit 1
: >empty
printf 'first line\nsecond\nno end' >text
for i in $(seq 0 255); do printf "\\$(printf %o "$i")"; done >binary
head -c 1000000 /dev/zero | tr '\0' y >big
printf '# comment\n\nFILE1=one\nFILE2=two words\nNAME\n' >env
export NAME="from host"

# --- the table, as scripts ---
cases=() how=() why=() podman_line=()
# In two lanes, since podman takes its time and the guest has two CPUs.
script=$scratch/files/podman
printf -v prologue 'cd /run/parity || exit 1\nexport NAME=%q\nmkdir -p theirs\n' "$NAME"
for lane in 0 1; do printf '%s' "$prologue" >"$script.$lane"; done
ours=$scratch/fcvm.sh
: >"$ours"
# add HOW WHY WHAT STDIN [OPTION...] -- COMMAND...
add() {
  local n=${#cases[@]} options=() stdin=$4 words
  how+=("$1") why+=("$2") cases+=("$3")
  shift 4
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  shift
  [ "$stdin" = closed ] && stdin='<&-' || stdin="<$stdin"
  words=$(printf ' %q' "${options[@]}" "$box" "$@")
  printf -v 'podman_line[n]' \
    'timeout 60 podman exec%s %s >theirs/%d.out 2>theirs/%d.err; echo $? >theirs/%d.code' \
    "$words" "$stdin" "$n" "$n" "$n"
  printf '%s\n' "${podman_line[n]}" >>"$script.$((n % 2))"
  printf 'timeout 60 "$FCVM" exec%s %s >../ours/%d.out 2>../ours/%d.err; echo $? >../ours/%d.code\n' \
    "$words" "$stdin" "$n" "$n" "$n" >>"$ours"
}
same() { add same '' "$@"; }
fails() { add fails '' "$@"; }
differs() { add differs "$@"; }
. "$FCVM_SOURCE/tests/vm/parity_cases.sh"
check "there are at least sixty cases" test "${#cases[@]}" -ge 60

# --- podman's side, all in one go, then ours ---
tar -cf - empty text binary big env podman.0 podman.1 |
  "$FCVM" exec --vm -i "$box" sh -c 'mkdir -p /run/parity && tar -C /run/parity -xf -'
check "the files are in the guest" test $? -eq 0
"$FCVM" exec --vm "$box" bash -c 'bash /run/parity/podman.0 & bash /run/parity/podman.1; wait'
check "podman has run them" test $? -eq 0
"$FCVM" exec --vm "$box" tar -C /run/parity/theirs -cf - . | tar -C "$scratch/theirs" -xf -
. "$ours"

equal() { cmp -s "$scratch/ours/$1.$2" "$scratch/theirs/$1.$2"; }
all_equal() { equal "$1" code && equal "$1" out && equal "$1" err; }
# A podman that has much to do at once loses output, or takes the wrong home, now and then: what it
# says on its own is what counts. Ours is asked once.
for n in "${!cases[@]}"; do
  for again in 1 2 3; do
    if [ "${how[n]}" != same ] || all_equal "$n"; then break; fi
    echo "podman is asked once more ($again): ${cases[n]}"
    "$FCVM" exec --vm "$box" bash -c "$prologue${podman_line[n]}"
    "$FCVM" exec --vm "$box" tar -C /run/parity/theirs -cf - "$n.out" "$n.err" "$n.code" |
      tar -C "$scratch/theirs" -xf -
  done
done

for n in "${!cases[@]}"; do
  for stream in out err; do
    printf -v "$stream" 'podman: %s | fcvm: %s' "$(head -c 300 "$scratch/theirs/$n.$stream" | tr -d '\0')" \
      "$(head -c 300 "$scratch/ours/$n.$stream" | tr -d '\0')"
  done
  rc="podman: $(cat "$scratch/theirs/$n.code") | fcvm: $(cat "$scratch/ours/$n.code")"
  case ${how[n]} in
    same)
      for what in code out err; do check "${cases[n]}: $what" equal "$n" $what; done
      ;;
    fails)
      check "${cases[n]}: code" equal "$n" code
      check "${cases[n]}: nothing on stdout" equal "$n" out
      check "${cases[n]}: a message" test -s "$scratch/ours/$n.err" -a -s "$scratch/theirs/$n.err"
      ;;
    differs)
      if all_equal "$n"; then
        check "${cases[n]}: differs, since ${why[n]}" false
      else
        check "${cases[n]}: differs" true
      fi
      ;;
  esac
done

# --- the container's own streams: `podman run -i` in the guest, and `fcvm run -i` ---
cd /
body='cat; printf "%s|" "$@" "$A"; echo err >&2; exit 6'
"$FCVM" exec --vm -i "$box" podman run --rm -i -e A='a b' localhost/parity sh -c "$body" sh '' $'x\ny' \
  <"$scratch/files/big" >"$scratch/theirs/run.out" 2>"$scratch/theirs/run.err"
echo $? >"$scratch/theirs/run.code"
vm --rm -i -e A='a b' "docker-archive:$scratch/parity.tar" sh -c "$body" sh '' $'x\ny' \
  <"$scratch/files/big" >"$scratch/ours/run.out" 2>"$scratch/ours/run.err"
echo $? >"$scratch/ours/run.code"
for what in code out err; do check "run -i: $what" equal run $what; done

run "$FCVM" rm -f "$box"
check "nothing is left" nothing_left "$box"
finish
