#!/usr/bin/python3 -IS
"""Holds and releases the clients of this machine's PgBouncer processes.

  pgbouncer-pause pause --for SEC --within SEC [--all]   lets transactions end, then holds the next ones
  pgbouncer-pause resume                                 releases them
  pgbouncer-pause status                                 what each process does, and how many clients wait
  pgbouncer-pause reconnect                              every server connection is made anew once it is free
  pgbouncer-pause drain --process NAME --within SEC      before a stop: no new clients, the others get some time to leave

A pause ends by itself: a timer of systemd, armed before the first process is paused, resumes after --for seconds even if
whoever asked for the pause is gone. When a transaction does not end --within so many seconds, everything is resumed and
the answer names the clients that were in the way. Read-write processes are paused; with --all, read-only ones too.

Answers are one JSON object. Exit status: 0 done, 1 failed, 3 gave up on a transaction, 4 a process does not answer,
64 wrong call. A pause that ends with another status than 0 holds nobody.
"""

import fcntl
import json
import os
import pwd
import re
import select
import signal
import socket
import struct
import sys
import time

CONFIG = "/etc/pgbouncer"
PORTS = {"rw": 6432, "ro": 6433}
USER = "pgbouncer"
STATE = "/run/pgkeel/pgbouncer-pause.json"
LOCK = "/run/pgkeel/pgbouncer-pause.lock"
PROGRAM = "/usr/local/lib/pgkeel/pgbouncer-pause"
TIMER = "pgkeel-pgbouncer-resume"
# Clients that log in wait 60 s before PgBouncer sends them away (client_login_timeout), the others 120 s.
LONGEST_PAUSE = 50
# The console answers from memory: a process that takes longer hangs.
ANSWER_SECONDS = 2


class Failure(Exception):
    status = 1


class Unreachable(Failure):
    status = 4


class Console:
    """The admin console of one process, over its Unix socket: PgBouncer trusts its own system user there."""

    def __init__(self, process):
        self.process = process
        port = PORTS[process.split("-")[0]]
        path = f"/run/pgbouncer/{process}/.s.PGSQL.{port}"
        self.buffer = b""
        self.rows, self.columns, self.error = [], [], None
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER_SECONDS)
        try:
            self.socket.connect(path)
            settings = b"user\0pgbouncer\0database\0pgbouncer\0application_name\0pgkeel\0\0"
            self.socket.sendall(struct.pack("!ii", len(settings) + 8, 196608) + settings)
        except OSError as error:
            raise Unreachable(f"{process} does not answer on {path} ({error})") from error

    def send(self, command):
        text = command.encode() + b"\0"
        self.rows, self.columns, self.error = [], [], None
        self.socket.sendall(b"Q" + struct.pack("!i", len(text) + 4) + text)

    def receive(self):
        """Reads what has arrived; true once the console is ready for the next command."""
        part = self.socket.recv(65536)
        if not part:
            raise Unreachable(f"{self.process} closed the connection: {self.error or 'no reason given'}")
        self.buffer += part
        ready = False
        while len(self.buffer) >= 5:
            length = struct.unpack("!i", self.buffer[1:5])[0] + 1
            if len(self.buffer) < length:
                break
            kind, body = self.buffer[:1], self.buffer[5:length]
            self.buffer = self.buffer[length:]
            if kind == b"T":
                self.columns = [name.decode() for name in re.findall(rb"([^\0]*)\0.{18}", body[2:], re.S)]
            elif kind == b"D":
                self.rows.append(dict(zip(self.columns, row_values(body))))
            elif kind == b"E":
                fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
                self.error = fields.get(b"M", "error without a message")
            elif kind == b"R" and body != b"\0\0\0\0":
                raise Failure(f"{self.process} wants a password on its own socket")
            ready = ready or kind == b"Z"
        return ready


def row_values(body):
    at = 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        length = struct.unpack("!i", body[at : at + 4])[0]
        at += 4
        yield None if length < 0 else body[at : at + length].decode()
        at += max(length, 0)


def wait_ready(consoles, deadline):
    """Waits until all are ready for a command; returns those that are not in time."""
    waiting = {console.socket.fileno(): console for console in consoles}
    poll = select.poll()
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)
    while waiting and (left := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(left * 1000):
            if waiting[descriptor].receive():
                poll.unregister(descriptor)
                del waiting[descriptor]
    return list(waiting.values())


def ask(consoles, command):
    """Sends a command to all and waits for the answers, which lie in each console afterwards."""
    for console in consoles:
        console.send(command)
    if late := wait_ready(consoles, time.monotonic() + ANSWER_SECONDS):
        raise Unreachable(f"{late[0].process} does not answer to {command} within {ANSWER_SECONDS} s")
    return consoles


def processes(ports):
    """Names of the processes that are configured, whether they run or not."""
    names = [match[1] for entry in os.listdir(CONFIG) if (match := re.fullmatch(r"((rw|ro)-\d+)\.ini", entry))]
    return sorted((name for name in names if name[:2] in ports), key=lambda name: (name[:2] != "rw", int(name[3:])))


def open_consoles(names):
    """Connects as PgBouncer's own user, which the units' commands are already."""
    former = os.geteuid()
    os.seteuid(pwd.getpwnam(USER).pw_uid)
    try:
        return [Console(name) for name in names]
    finally:
        os.seteuid(former)


def connect(names):
    consoles = open_consoles(names)
    if late := wait_ready(consoles, time.monotonic() + ANSWER_SECONDS):
        raise Unreachable(f"{late[0].process} does not let its own user in within {ANSWER_SECONDS} s")
    return consoles


class Spawned:
    """A program that runs beside this one; its words are kept for the case that it fails."""

    def __init__(self, *arguments):
        self.name = arguments[0]
        self.reader, writer = os.pipe()
        actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, writer, 2)]
        self.pid = os.posix_spawn(arguments[0], arguments, {"PATH": "/usr/bin", "LC_ALL": "C"}, file_actions=actions)
        os.close(writer)

    def finish(self):
        words = b""
        while part := os.read(self.reader, 4096):
            words += part
        os.close(self.reader)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if status != 0:
            raise Failure(f"{self.name} failed ({status}): {words.decode().strip()}")


def read_state():
    try:
        with open(STATE, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return None


def write_state(state):
    with open(STATE + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(STATE + ".new", STATE)


def lock(seconds):
    """One caller at a time. Returns false if another is still at work; the lock ends with the process."""
    os.makedirs(os.path.dirname(LOCK), exist_ok=True)
    descriptor = os.open(LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.005)


def pause(seconds, within, names):
    if not 0 < within < seconds <= LONGEST_PAUSE:
        raise ValueError
    begin = time.monotonic()
    if not lock(within):
        raise Failure("another pause or resume is at work on this machine")
    timer = f"{TIMER}-{os.getpid()}-{time.time_ns()}"
    resumes_at = time.time() + seconds
    # The order matters for a kill at any point: timer, then the note of it, then the first PAUSE.
    arming = Spawned(
        *("/usr/bin/systemd-run", "--quiet", "--collect", f"--unit={timer}", f"--on-active={seconds}s"),
        *("--timer-property=AccuracySec=50ms", PROGRAM, "resume", "--timer", timer),
    )
    try:
        consoles = connect(names)
    except Failure:
        arming.finish()
        stop_timer(timer)
        raise
    arming.finish()
    armed = time.monotonic()
    former = read_state()
    write_state({"timer": timer, "resumesAt": resumes_at})
    try:
        late = pause_all(consoles, begin + within)
        blockers = find_blockers([console.process for console in late]) if late else []
    except BaseException:
        end_pause(names)
        raise
    if late:
        held = round(time.monotonic() - begin, 3)
        end_pause(names)
        return 3, {
            "ok": False,
            "reason": f"transactions did not end within {within:g} s; clients waited {held} s and go on",
            "blockers": blockers,
        }
    if former:
        stop_timer(former["timer"])
    now = time.monotonic()
    return 0, {
        "ok": True,
        "paused": names,
        "resumesAt": round(resumes_at, 3),
        "armMs": round((armed - begin) * 1000, 1),
        "pauseMs": round((now - armed) * 1000, 1),
    }


def pause_all(consoles, deadline):
    """Pauses all at once; returns the consoles whose processes still have a server connection in use."""
    for console in consoles:
        console.send("PAUSE")
    late = wait_ready(consoles, deadline)
    # A process that an earlier caller paused says so at once, also while its transactions still run.
    unsure = [console for console in consoles if console not in late and console.error]
    for console in unsure:
        if "already" not in console.error:
            raise Failure(f"{console.process} refuses to pause: {console.error}")
    while unsure:
        unsure = [console for console in ask(unsure, "SHOW SERVERS") if console.rows]
        if not unsure or time.monotonic() >= deadline:
            break
        time.sleep(0.005)
    return late + unsure


def find_blockers(names):
    blockers = []
    for console in connect(names):
        servers = [row for row in ask([console], "SHOW SERVERS")[0].rows if row["link"]]
        clients = {row["ptr"]: row for row in ask([console], "SHOW CLIENTS")[0].rows}
        for server in servers:
            client = clients.get(server["link"], {})
            blockers.append(
                {
                    "process": console.process,
                    "database": server["database"],
                    "user": server["user"],
                    "client": f"{client.get('addr')}:{client.get('port')}",
                    "application": client.get("application_name"),
                    "lastRequest": client.get("request_time"),
                    "backendPid": int(server["remote_pid"]),
                }
            )
    return blockers


def release(names):
    """Resumes whatever is paused of these. Returns the processes that were held, and what to say of those not reached."""
    consoles, unreachable = [], []
    for name in names:
        try:
            consoles += open_consoles([name])
        except Unreachable as failure:
            # A process that does not run holds nobody, and comes up unpaused.
            unreachable.append(str(failure))
    deadline = time.monotonic() + ANSWER_SECONDS
    unreachable += [f"{late.process} does not answer" for late in wait_ready(consoles, deadline)]
    ready = [console for console in consoles if f"{console.process} does not answer" not in unreachable]
    for console in ask(ready, "RESUME"):
        if console.error and "not paused" not in console.error:
            raise Failure(f"{console.process} refuses to resume: {console.error}")
    return [console.process for console in ready if console.error is None], unreachable


def forget_pause():
    """Takes the note of the pause away, and the timer that goes with it."""
    if state := read_state():
        os.unlink(STATE)
        stop_timer(state["timer"])


def end_pause(names):
    _, unreachable = release(names)
    if not unreachable:
        forget_pause()


def stop_timer(timer):
    try:
        Spawned("/usr/bin/systemctl", "stop", "--no-block", f"{timer}.timer").finish()
    except Failure:
        # It has fired already, or systemd is busy: a timer that finds another one noted does nothing.
        pass


def resume(timer):
    begin = time.monotonic()
    # The timer is the last resort and does not wait for a caller that hangs.
    if not lock(5) and timer is None:
        raise Failure("another pause or resume is at work on this machine")
    state = read_state()
    if timer is not None and (state is None or state["timer"] != timer):
        return 0, {"ok": True, "resumed": [], "reason": "that pause is over"}
    held, unreachable = release(processes(PORTS))
    answer = {"ok": not unreachable, "resumed": held, "ms": round((time.monotonic() - begin) * 1000, 1)}
    if unreachable:
        return 4, {**answer, "reason": "; ".join(unreachable)}
    forget_pause()
    return 0, answer


def status():
    answer = []
    for name in processes(PORTS):
        try:
            console = connect([name])[0]
            states = {row["key"]: row["value"] for row in ask([console], "SHOW STATE")[0].rows}
            pools = [row for row in ask([console], "SHOW POOLS")[0].rows if row["database"] != "pgbouncer"]
            servers = len(ask([console], "SHOW SERVERS")[0].rows)
        except Unreachable as failure:
            answer.append({"process": name, "state": "unreachable", "reason": str(failure)})
            continue
        answer.append(
            {
                "process": name,
                "state": next((key for key in ("suspended", "paused") if states.get(key) == "yes"), "active"),
                "clients": sum(int(pool["cl_active"]) + int(pool["cl_waiting"]) for pool in pools),
                "waiting": sum(int(pool["cl_waiting"]) for pool in pools),
                "longestWaitMs": max((int(p["maxwait"]) * 1000 + int(p["maxwait_us"]) // 1000 for p in pools), default=0),
                "servers": servers,
            }
        )
    state = read_state()
    resumes_at = round(state["resumesAt"], 3) if state else None
    reachable = all(process["state"] != "unreachable" for process in answer)
    return (0 if reachable else 4), {"ok": reachable, "processes": answer, "resumesAt": resumes_at}


def reconnect():
    reconnected = []
    for name in processes(PORTS):
        try:
            ask(connect([name]), "RECONNECT")
            reconnected.append(name)
        except Unreachable:
            # It has no connections to renew.
            pass
    return 0, {"ok": True, "reconnected": reconnected}


def drain(name, within):
    """What the process's unit does before it stops it. Whoever is still there after that has no transaction open."""
    console = connect([name])[0]
    # SIGTERM: accept nobody, serve those that are there, end with the last. The console counts as one of them.
    os.kill(int(os.environ["MAINPID"]), signal.SIGTERM)
    deadline = time.monotonic() + within
    while clients := sum(row["database"] != "pgbouncer" for row in ask([console], "SHOW CLIENTS")[0].rows):
        if time.monotonic() >= deadline:
            # The unit's own time to stop bounds this.
            console.send("PAUSE")
            wait_ready([console], deadline + LONGEST_PAUSE)
            break
        time.sleep(0.02)
    return 0, {"ok": True, "disconnected": clients}


def option(arguments, name):
    at = arguments.index(name) + 1 if name in arguments else len(arguments)
    return arguments[at] if at < len(arguments) else None


def main(arguments):
    match arguments[:1]:
        case ["pause"]:
            names = processes(PORTS if "--all" in arguments else ["rw"])
            seconds, within = (float(option(arguments, name) or 0) for name in ("--for", "--within"))
            return pause(seconds, within, names)
        case ["resume"]:
            return resume(option(arguments, "--timer"))
        case ["status"]:
            return status()
        case ["reconnect"]:
            return reconnect()
        case ["drain"] if name := option(arguments, "--process"):
            return drain(name, float(option(arguments, "--within") or 0))
    raise ValueError


if __name__ == "__main__":
    try:
        code, answer = main(sys.argv[1:])
    except Failure as failure:
        code, answer = failure.status, {"ok": False, "reason": str(failure)}
    except ValueError:
        print(*__doc__.splitlines()[2:7], f"0 < --within < --for <= {LONGEST_PAUSE}", sep="\n", file=sys.stderr)
        sys.exit(64)
    print(json.dumps(answer))
    sys.exit(code)
