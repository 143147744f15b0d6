"""Stays open on a pooler's machine during a switchover: one JSON object in, one out, a line each.

  {"do": "pause", "for": S, "within": S}   pgbouncer-pause pause
  {"do": "resume"}                         pgbouncer-pause resume
  {"do": "lead", "leader": KEY}            tells HAProxy who leads, and what the leader route then is

HAProxy learns a new leader by its checks, some seconds late. Whoever asked for the switchover knows it at once. What is
set here is what the next check finds by itself; should that not be so, the check wins.
"""

import json
import os
import socket
import subprocess
import sys

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


def answer(order):
    match order["do"]:
        case "pause":
            return program("pgbouncer-pause", "pause", "--for", str(order["for"]), "--within", str(order["within"]))
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
