#!/usr/bin/env python3
"""at_terminal.py [STEP...] -- COMMAND...: runs a command at a terminal of its own, under a shell's job control.

A step is one of
    until:SHELL    waits until the shell command succeeds
    shows:TEXT     waits until the terminal shows the text
    key:HEX        types a byte: 03 is Ctrl-C, 1c Ctrl-\\, 1a Ctrl-Z
    size:ROWSxCOLS changes the window
    stopped        waits until the command is stopped, as Ctrl-Z does it
    fg             continues it in the foreground
    hangup         closes the terminal
Prints how the command ended ("exited 3", "killed 9", "alive"), whether the terminal is as it was ("cooked", "raw",
"gone"), and behind that what it showed.
"""
import fcntl, os, select, signal, struct, subprocess, sys, termios, time

LIMIT = 30.0


def lead(command, report):
    """The session's leader, as a shell is: starts the command as its foreground job, and tells how it fares."""
    its_own = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU)
    for number in its_own:
        signal.signal(number, signal.SIG_IGN)
    running, starting = os.pipe()  # closed by execve(): from then on signals have their usual effect
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpgrp())
        for number in its_own:
            signal.signal(number, signal.SIG_DFL)
        os.close(report)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    try:
        os.setpgid(job, job)
    except OSError:
        pass  # it has done so itself, and more
    os.tcsetpgrp(0, job)
    os.close(starting)
    os.read(running, 1)

    def hang_up(*_):
        os.killpg(job, signal.SIGHUP)
        os.killpg(job, signal.SIGCONT)

    def go_on(*_):
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)

    signal.signal(signal.SIGHUP, hang_up)
    signal.signal(signal.SIGUSR1, go_on)
    os.write(report, b"ready\n")
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.write(report, b"stopped\n")
            continue
        end = f"exited {os.WEXITSTATUS(status)}" if os.WIFEXITED(status) else f"killed {os.WTERMSIG(status)}"
        os.write(report, end.encode() + b"\n")
        os._exit(0)


class Session:
    def __init__(self, command):
        self.report, report = os.pipe()
        self.master, self.slave = os.openpty()
        self.leader = os.fork()
        if self.leader == 0:
            os.close(self.report)
            os.close(self.master)
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.close(self.slave)
            lead(command, report)
        os.close(report)
        self.shown = b""
        self.told = b""
        self.resize(24, 80)
        self.before = termios.tcgetattr(self.slave)
        self.wait(lambda: b"ready" in self.told)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def look(self, seconds):
        files = [self.report] + ([self.master] if self.master >= 0 else [])
        for fd in select.select(files, [], [], seconds)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            if fd == self.report:
                self.told += data
            else:
                self.shown += data
                if not data:
                    time.sleep(0.01)

    def wait(self, condition, limit=LIMIT):
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end or self.ended():
                return condition()
            self.look(0.05)
        return True

    def ended(self):
        return b"exited" in self.told or b"killed" in self.told

    def step(self, word):
        name, _, value = word.partition(":")
        if name == "until":
            done = self.wait(lambda: subprocess.run(value, shell=True).returncode == 0)
        elif name == "shows":
            done = self.wait(lambda: value.encode() in self.shown)
        elif name == "key":
            os.write(self.master, bytes.fromhex(value))
            done = True
        elif name == "size":
            self.resize(*map(int, value.split("x")))
            done = True
        elif name == "stopped":
            done = self.wait(lambda: self.told.count(b"stopped") > 0)
        elif name == "fg":
            self.told = self.told.replace(b"stopped\n", b"")
            os.kill(self.leader, signal.SIGUSR1)
            done = True
        elif name == "hangup":
            os.close(self.slave)
            os.close(self.master)
            self.master = self.slave = -1
            done = True
        else:
            sys.exit(f"at_terminal.py: no step {word}")
        if not done:
            print(f"at_terminal.py: {word} did not come true", file=sys.stderr)

    def result(self):
        self.wait(self.ended)
        end = "alive"
        for line in self.told.decode().splitlines():
            if line.startswith(("exited", "killed")):
                end = line
        if end == "alive":
            os.kill(self.leader, signal.SIGHUP)
        terminal = "gone"
        if self.slave >= 0:
            self.look(0.1)
            terminal = "cooked" if termios.tcgetattr(self.slave)[3] == self.before[3] else "raw"
        return end, terminal


def main():
    at = sys.argv.index("--")
    session = Session(sys.argv[at + 1:])
    for word in sys.argv[1:at]:
        session.step(word)
    end, terminal = session.result()
    print(end, terminal)
    sys.stdout.flush()
    sys.stdout.buffer.write(session.shown)


main()
