#!/usr/bin/python3 -IS
"""Where HAProxy of this machine leads, and reloads that forget nothing.

  haproxy-routes status                            which servers take writes and reads, as JSON
  haproxy-routes wait --leader KEY --within SEC    until the leader route leads to that member alone
  haproxy-routes announce --leader KEY             sets it so at once, ahead of HAProxy's own next check
  haproxy-routes reload                            a new worker with the present configuration
  haproxy-routes forget-state                      for a start: no server is up before a check says so

Exit status: 0 done, 1 failed, 3 not within the time given, 64 wrong call.

HAProxy takes a server for up until its first check says otherwise: a fresh worker would send writes to replicas for up to
a check interval. So it reads the servers' states from a file: after a start all are down, after a reload they are as
they were. States of servers whose address has changed are not carried over.
"""

import json
import os
import socket
import sys
import time

CONFIG = "/etc/haproxy/haproxy.cfg"
ADMIN_SOCKET = "/run/haproxy/admin.sock"
MASTER_SOCKET = "/run/haproxy-master.sock"
STATE_FILE = "/run/haproxy/server-state"
POOLER_PROGRAM = "/usr/local/lib/pgkeel/pgbouncer-pause"

LEADER_ROUTE = "leader"
READ_ROUTE = "replicas"
# Between looks at HAProxy while waiting: well under a check interval, and cheap.
LOOK_SECONDS = 0.01

# Columns of `show servers state`, version 1 (HAProxy's management guide, 9.3).
STATE_COLUMNS = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"
    " srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state"
    " bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr"
    " srv_agent_addr srv_agent_port"
).split()


class Failure(Exception):
    pass


def ask(path, command):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(15)
        try:
            connection.connect(path)
            connection.sendall(command.encode() + b"\n")
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        except OSError as error:
            raise Failure(f"HAProxy does not answer on {path} ({error}); see: systemctl status haproxy") from error
    return b"".join(parts).decode()


def server_states():
    """Rows of `show servers state` as dictionaries, in order."""
    rows = ask(ADMIN_SOCKET, "show servers state").splitlines()
    return [dict(zip(STATE_COLUMNS, row.split())) for row in rows if row and row[0].isdigit() and " " in row]


def declared_servers():
    """(proxy, server, address, port, tracked) of every server line; tracked: (proxy, server) whose state it shares."""
    proxy = None
    with open(CONFIG, encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if not line[0].isspace():
                proxy = words[1] if len(words) > 1 else None
            elif words[0] == "server":
                address, _, port = words[2].rpartition(":")
                tracked = tuple(words[words.index("track") + 1].split("/")) if "track" in words else None
                yield proxy, words[1], address, port, tracked


def write_states(known):
    """Writes the state file for the declared servers: as known, else down."""
    kept = {(row["be_name"], row["srv_name"], row["srv_addr"], row["srv_port"]): row for row in known}
    lines = ["1", "# " + " ".join(STATE_COLUMNS)]
    for proxy, server, address, port, tracked in declared_servers():
        # A server that tracks another one changes only when that one does: both begin alike.
        row = kept.get((*(tracked or (proxy, server)), address, port))
        if row is not None:
            row = row | {"be_name": proxy, "srv_name": server}
        else:
            row = dict.fromkeys(STATE_COLUMNS, "0")
            row |= {"be_name": proxy, "srv_name": server, "srv_addr": address, "srv_port": port}
            # Down, never checked, with a check that is configured and enabled.
            row |= {"srv_uweight": "1", "srv_iweight": "1", "srv_check_status": "1", "srv_check_state": "6"}
            row |= dict.fromkeys(("srv_fqdn", "srvrecord", "srv_check_addr", "srv_agent_addr"), "-")
        lines.append(" ".join(row[column] for column in STATE_COLUMNS))
    os.makedirs(os.path.dirname(STATE_FILE), exist_ok=True)
    fresh = STATE_FILE + ".new"
    with open(fresh, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(fresh, STATE_FILE)


def routes():
    """Servers by what they take: srv_op_state 2 is up, 3 is up without new sessions, 0 is down, 1 is starting."""
    rows = server_states()

    def named(proxy, *states):
        return [row["srv_name"] for row in rows if row["be_name"] == proxy and row["srv_op_state"] in states]

    up = named(READ_ROUTE, "1", "2")
    return {
        "leader": named(LEADER_ROUTE, "1", "2"),
        "replicas": [name for name in up if "." not in name],
        # Readers of these keep their sessions until PgBouncer closes them; new ones go elsewhere.
        "draining": named(READ_ROUTE, "3"),
        "readsOnLeader": not any("." not in name for name in up),
    }


def wait(leader, within):
    begin = time.monotonic()
    while True:
        try:
            now = routes()
        except Failure as failure:
            now, reason = None, str(failure)
        else:
            reason = f"the leader route leads to {', '.join(now['leader']) or 'nobody'}"
        passed = time.monotonic() - begin
        if now and now["leader"] == [leader]:
            return 0, {"ok": True, **now, "ms": round(passed * 1000, 1)}
        if passed >= within:
            return 3, {"ok": False, "reason": f"after {within:g} s {reason}, not to {leader} alone", **(now or {})}
        time.sleep(LOOK_SECONDS)


def announce(leader):
    """For a caller that has it from Patroni. HAProxy goes on checking: a wrong word lasts until its next check."""
    states = {row["srv_name"]: row["srv_op_state"] for row in server_states() if row["be_name"] == LEADER_ROUTE}
    if leader not in states:
        raise Failure(f"no member {leader} in the leader route; there are {', '.join(states)}")
    # First the others down: two leaders at once would split writes.
    orders = [(name, "down") for name, state in states.items() if name != leader and state != "0"]
    for name, health in [*orders, *([(leader, "up")] if states[leader] != "2" else [])]:
        if words := ask(ADMIN_SOCKET, f"set server {LEADER_ROUTE}/{name} health {health}").strip():
            raise Failure(f"HAProxy does not set {name} {health}: {words}")
    return routes()


def reload():
    write_states(server_states())
    answer = ask(MASTER_SOCKET, "reload")
    if not answer.startswith("Success=1"):
        raise Failure(f"HAProxy refused its new configuration and goes on with the old one: {answer.strip()}")
    # The old worker keeps its sessions, and no longer checks their servers: PgBouncer is to leave it at the next chance.
    if os.access(POOLER_PROGRAM, os.X_OK):
        os.waitpid(os.posix_spawn(POOLER_PROGRAM, [POOLER_PROGRAM, "reconnect"], os.environ), 0)


def option(arguments, name):
    if name not in arguments or arguments.index(name) + 1 == len(arguments):
        raise ValueError
    return arguments[arguments.index(name) + 1]


def main(arguments):
    match arguments[:1]:
        case ["status"]:
            status, answer = 0, {"ok": True, **routes()}
        case ["wait"]:
            status, answer = wait(option(arguments, "--leader"), float(option(arguments, "--within")))
        case ["announce"]:
            status, answer = 0, {"ok": True, **announce(option(arguments, "--leader"))}
        case ["reload"]:
            reload()
            return 0
        case ["forget-state"]:
            write_states([])
            return 0
        case _:
            raise ValueError
    print(json.dumps(answer))
    return status


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        if sys.argv[1] in ("status", "wait", "announce"):
            print(json.dumps({"ok": False, "reason": str(failure)}))
        print(f"haproxy-routes: {failure}", file=sys.stderr)
        sys.exit(1)
    except ValueError:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        sys.exit(64)
