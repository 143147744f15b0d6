"""Stays open on a pooler's machine during planned work: one JSON object in, one out, a line each.

  {"do": "pause", "for": S, "within": S, "all": BOOL}      pgbouncer-pause pause
  {"do": "resume"}                                         pgbouncer-pause resume
  {"do": "lead", "leader": KEY}                            tells HAProxy who leads, and what the leader route then is
  {"do": "aside", "member": KEY, "for": S, "within": S}    no new reads to the member; tells how many are left in the end
  {"do": "out", "member": KEY}                             no reads to the member until it is taken back
  {"do": "back", "members": [KEY]}                         reads to the members again
  {"do": "reconnect"}                                      server connections are renewed as their transactions end

HAProxy learns a new leader by its checks, some seconds late. Whoever asked for the switchover knows it at once. What is
set here is what the next check finds by itself; should that not be so, the check wins.
"""

import json
import os
import socket
import subprocess
import sys
import time

MINE = "/usr/local/lib/pgkeel/"
ADMIN_SOCKET = "/run/haproxy/admin.sock"
LIMIT_SECONDS = 30


def program(name, *words):
    done = subprocess.run((MINE + name, *words), capture_output=True, text=True, timeout=LIMIT_SECONDS)
    try:
        return {"status": done.returncode, **json.loads(done.stdout)}
    except ValueError:
        return {"status": done.returncode or 1, "ok": False, "reason": (done.stderr or done.stdout).strip()}


def haproxy(*commands):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(ADMIN_SOCKET)
        connection.sendall(("; ".join(commands) + "\n").encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


def leader_route():
    """Server name -> up, of the proxy `leader` (columns 1, 2 and 18 of `show stat`, HAProxy's management guide 9.1)."""
    rows = (line.split(",") for line in haproxy("show stat").splitlines() if line.startswith("leader,"))
    return {row[1]: row[17].startswith("UP") for row in rows if row[1] not in ("FRONTEND", "BACKEND")}


def lead(leader):
    known = leader_route()
    if leader not in known:
        return {"ok": False, "reason": f"HAProxy knows no server {leader}; it knows {', '.join(known) or 'none'}"}
    changes = [f"set server leader/{name} health down" for name, up in known.items() if up and name != leader]
    if not known[leader]:
        changes.append(f"set server leader/{leader} health up")
    said = haproxy(*changes).strip() if changes else ""
    up = [name for name, is_up in leader_route().items() if is_up]
    if up == [leader]:
        return {"ok": True, "leader": up}
    return {"ok": False, "leader": up, "reason": f"the leader route leads to {', '.join(up) or 'nobody'} {said}".strip()}


# What the machine does by itself when nobody takes a member back.
TELL = f"""import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect({ADMIN_SOCKET!r})
s.sendall(sys.argv[1].encode() + b"\\n"); s.recv(4096)"""


def systemd(*words):
    subprocess.run(words, capture_output=True, timeout=LIMIT_SECONDS)


def readers(member):
    """Sessions that go on to a member of the read route; None: the route has no such server (column 5 of `show stat`)."""
    rows = (line.split(",") for line in haproxy("show stat").splitlines() if line.startswith(f"replicas,{member},"))
    return next((int(row[4] or 0) for row in rows), None)


def aside(member, seconds, within):
    if readers(member) is None:
        return {"ok": True, "left": 0}
    # The order matters for a kill at any point: the timer first.
    timer = f"pgkeel-reads-{member}"
    ready = f"set server replicas/{member} state ready"
    systemd("systemctl", "stop", timer + ".timer")
    systemd("systemd-run", "--quiet", "--collect", f"--unit={timer}", f"--on-active={seconds}s",
            "/usr/bin/python3", "-IS", "-c", TELL, ready)
    haproxy(f"set server replicas/{member} state drain")
    program("pgbouncer-pause", "reconnect")
    deadline = time.monotonic() + within
    while (left := readers(member) or 0) and time.monotonic() < deadline:
        time.sleep(0.02)
    return {"ok": True, "left": left}


def out(member):
    """HAProxy cuts what runs there: after `aside`."""
    if readers(member) is not None:
        haproxy(f"set server replicas/{member} state maint")
    systemd("systemctl", "stop", f"pgkeel-reads-{member}.timer")
    return {"ok": True}


def back(members):
    known = [member for member in members if readers(member) is not None]
    if known:
        haproxy(*(f"set server replicas/{member} state ready" for member in known))
    for member in members:
        systemd("systemctl", "stop", f"pgkeel-reads-{member}.timer")
    return {"ok": True}


def answer(order):
    match order["do"]:
        case "pause":
            words = ("--for", str(order["for"]), "--within", str(order["within"]), *(["--all"] if order.get("all") else []))
            return program("pgbouncer-pause", "pause", *words)
        case "aside":
            return aside(order["member"], order["for"], order["within"])
        case "out":
            return out(order["member"])
        case "back":
            return back(order["members"])
        case "reconnect":
            return program("pgbouncer-pause", "reconnect")
        case "resume":
            return program("pgbouncer-pause", "resume")
        case "lead":
            return lead(order["leader"])
    return {"ok": False, "reason": f"unknown order {order['do']}"}


def main():
    print(json.dumps({"ok": True, "ready": os.getpid()}), flush=True)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # the session must answer every order
            reply = {"ok": False, "reason": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
