# A container at a terminal, which is tmux's: vim, sizes, keys, leaving and coming back, and that the
# terminal is as it was after every way out.
. "$(dirname "$0")/machine.sh"
. "$(dirname "$0")/../support/image.sh"

tmux_do() { tmux -S "$scratch/tmux" "$@"; }
cleanup() {
  tmux_do kill-server 2>/dev/null
  "$FCVM" rm -f "$(named shell)" "$(named bare)" "$(named plain)" >/dev/null 2>&1
  rm -rf "$scratch"
}
trap cleanup EXIT

hello_tree "$scratch/tree"
with_programs "$scratch/tree" vim.tiny
mkdir -p "$scratch/tree/usr/share/terminfo/x"
cp "$(find /usr/share/terminfo /lib/terminfo -name xterm 2>/dev/null | head -1)" "$scratch/tree/usr/share/terminfo/x/"
make_image "$scratch/vim.tar" localhost/vim:latest "$scratch/tree" PATH=/bin HOME=/root

# The outer shell's prompt tells when fcvm has gone, and with what.
cat >"$scratch/rc" <<END
PS1='outer[\$?]> '
fcvm() { "$FCVM" "\$@"; }
cooked() { case \$(stty -a) in *$'\nisig icanon iexten echo '*) echo COOKED ;; *) stty -a ;; esac; }
END
tmux_do -f /dev/null new-session -d -s t -x 80 -y 24 "bash --rcfile $scratch/rc -i"
screen() { tmux_do capture-pane -p -t t; }
shows() { screen | grep -qE -- "$1"; }
# Keys as `tmux send-keys` has them; then waits until the screen shows the pattern.
types() {
  local pattern=$1
  shift
  tmux_do send-keys -t t "$@"
  wait_for 90 shows "$pattern"
}
# seen "what should hold" PATTERN KEY...
seen() {
  local what=$1
  shift
  types "$@"
  local ok=$?
  out=$(screen) err='' rc=$ok
  check "$what" test "$ok" -eq 0
}
shell=$(named shell)

seen "a shell is there" 'outer\[0\]> *$' ''
seen "run -it starts a shell" '/ # *$' \
  "fcvm run -it --cpus 1 --memory 512M --name $shell docker-archive:$scratch/vim.tar sh" Enter
tmux_do send-keys -t t 'clear' Enter
seen "it is a terminal of our size" '^24 80$' 'stty size; clear; stty size' Enter
tmux_do resize-window -t t -x 101 -y 31
seen "which follows ours" '^31 101$' 'clear; sleep 1; stty size' Enter
tmux_do send-keys -t t 'clear; sleep 1000' Enter
sleep 3
tmux_do send-keys -t t C-c
sleep 1
seen "Ctrl-C interrupts what runs" '^code 130$' 'echo code $?' Enter
tmux_do send-keys -t t 'clear; cat; echo code $?' Enter
sleep 3
seen "Ctrl-D ends what reads" '^code 0$' C-d
tmux_do send-keys -t t 'clear; head -n 1 | od -c' Enter
sleep 3
seen "bytes are as typed" '303 274' 'ü' Enter
tmux_do send-keys -t t 'clear; cat -v' Enter
sleep 3
seen "control keys go through" 'x\^P\^A\^\[\[A' 'x' C-p C-a Up Enter
seen "and the shell is still there" '^code 0$' C-d 'clear; echo code $?' Enter

tmux_do send-keys -t t 'vim.tiny -u NONE -N /tmp/file' Enter
wait_for 60 shows '/tmp/file'
seen "vim paints its screen" '^~ *$' ''
tmux_do send-keys -t t i 'hello from vim' Enter 'second line'
sleep 1
tmux_do send-keys -t t Escape
sleep 2
seen "vim sees keys" 'second line' ''
tmux_do resize-window -t t -x 60 -y 20
sleep 3
seen "and sizes" 'columns=60' ':set columns?' Enter
seen "leaving it is possible in the middle of it" 'outer\[0\]> *$' C-p C-q
seen "the terminal is as it was" '^COOKED$' 'clear; cooked' Enter
check "the container runs on" running "$shell"
seen "coming back finds vim, painted anew" 'second line' "clear; fcvm attach $shell" Enter
sleep 2
tmux_do send-keys -t t ':wq' Enter
sleep 2
seen "and its file" '^hello from vim$' 'clear; cat /tmp/file' Enter
seen "leaving again" 'outer\[0\]> *$' C-p C-q

tmux_do send-keys -t t 'clear' Enter
seen "exec -it, too, is a terminal of our size" '^20 60$' "fcvm exec -it $shell sh -c 'stty size; exit 7'" Enter
seen "and ends with its code" 'outer\[7\]> *$' ''
tmux_do send-keys -t t "clear; fcvm exec -it $shell sh" Enter
seen "a second shell is there" '/ # *$' ''
tmux_do send-keys -t t 'clear; sleep 500' Enter
sleep 3
seen "Ctrl-Z stops what runs in it" 'Stopped' C-z
client=$(pgrep -f "$FCVM exec -it $shell sh" | head -1)
kill -TSTP "$client"
sleep 2
seen "a stop of fcvm itself gives the terminal back" 'outer\[[0-9]+\]> *$' 'clear' Enter
seen "as it was" '^COOKED$' 'clear; cooked' Enter
tmux_do send-keys -t t 'clear; fg' Enter
sleep 2
seen "and goes on where it was" '^code [0-9]+$' 'clear; echo code $?' Enter
kill -TERM "$(pgrep -f "$FCVM exec -it $shell sh" | head -1)"
seen "SIGTERM ends it" 'outer\[143\]> *$' ''
seen "and gives the terminal back" '^COOKED$' 'clear; cooked' Enter

tmux_do send-keys -t t "clear; fcvm attach $shell" Enter
sleep 2
seen "attached once more" '/ # *$' Enter
kill -9 "$(vmm_of "$shell")"
seen "a VM that is killed is told of" 'outer\[[1-9][0-9]*\]> *$' ''
seen "and the terminal is as it was" '^COOKED$' 'clear; cooked' Enter
"$FCVM" rm -f "$shell" >/dev/null

bare=$(named bare)
tmux_do send-keys -t t "clear; fcvm run -it --rm --cpus 1 --memory 512M --name $bare fcvm/hello sh" Enter
wait_for 60 "$FCVM" inspect "$bare"
seen "Ctrl-C before the container runs ends the start" 'outer\[130\]> *$' C-c
tmux_do send-keys -t t "clear; fcvm run -it --rm --cpus 1 --memory 512M --name $bare fcvm/hello sh" Enter
wait_for 120 shows '/ # *$'
seen "exit's code comes out" 'outer\[9\]> *$' 'exit 9' Enter
seen "and the terminal is as it was" '^COOKED$' 'clear; cooked' Enter

plain=$(named plain)
loop='trap "echo trap; exit 130" INT; echo up; while :; do sleep 1; done'
tmux_do send-keys -t t "clear; fcvm run --rm --cpus 1 --memory 512M --name $plain fcvm/hello sh -c '$loop'" Enter
wait_for 120 shows '^up *$'
seen "Ctrl-C is the container's, not the VMM's" '^(\^C)?trap *$' C-c
seen "and its code comes out" 'outer\[130\]> *$' ''
check "nothing is left" nothing_left "$shell" "$bare" "$plain"
finish
