"""What one machine of a cluster can tell about itself, as one JSON object. It only reads.

The caller puts before this text: files.py, and WANTED = {hostname, address, roles, limitSeconds, longSeconds}. Every part
is gathered at the same time, bounded by limitSeconds, and fails alone: `problems` says which did, and why.
"""

import json
import os
import re
import socket
import subprocess
import threading
import time

LIMIT = WANTED["limitSeconds"]  # noqa: F821
LONG = WANTED["longSeconds"]  # noqa: F821
ROLES = WANTED["roles"]  # noqa: F821
HOSTNAME, ADDRESS = WANTED["hostname"], WANTED["address"]  # noqa: F821
DATA = "/var/lib/postgresql/17/main"
MINE = "/usr/local/lib/pgkeel/"
PATRONI_STARTED_FROM = "/run/pgkeel-patroni.package"

SQL = """
select json_build_object(
  'inRecovery', r.r,
  'version', current_setting('server_version'),
  'startedAt', pg_postmaster_start_time(),
  'writeLsn', case when r.r then null else pg_current_wal_lsn() - '0/0' end,
  'flushLsn', case when r.r then null else pg_current_wal_flush_lsn() - '0/0' end,
  'receivedLsn', pg_last_wal_receive_lsn() - '0/0',
  'replayedLsn', pg_last_wal_replay_lsn() - '0/0',
  'lastReplaySeconds', round(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::numeric, 3),
  'receiver', (select json_build_object('status', status, 'timeline', received_tli, 'slot', slot_name,
      'from', sender_host) from pg_stat_wal_receiver),
  'synchronousStandbyNames', current_setting('synchronous_standby_names'),
  'replication', (select coalesce(json_agg(json_build_object('member', application_name, 'state', state,
      'sync', sync_state, 'flushLsn', flush_lsn - '0/0', 'replayLsn', replay_lsn - '0/0',
      'replayLagSeconds', round(extract(epoch from replay_lag)::numeric, 3)) order by application_name), '[]')
      from pg_stat_replication),
  'slots', (select coalesce(json_agg(json_build_object('name', slot_name, 'type', slot_type, 'active', active,
      'walStatus', wal_status, 'retainedBytes',
      greatest(0, (case when r.r then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end) - restart_lsn))
      order by slot_name), '[]') from pg_replication_slots),
  'settings', (select json_agg(json_build_object('name', name, 'setting', setting, 'unit', unit, 'type', vartype,
      'context', context, 'source', source, 'altered', coalesce(sourcefile like '%%postgresql.auto.conf', false),
      'pendingRestart', pending_restart) order by name) from pg_settings
      where (context = 'postmaster' or pending_restart or source not in ('default', 'override', 'client', 'session'))
      and name not in ('primary_conninfo', 'ssl_passphrase_command')),
  'altered', (select coalesce(json_object_agg(name, setting order by seqno), '{}') from pg_file_settings
      where sourcefile like '%%/postgresql.auto.conf'
      and name not in ('primary_conninfo', 'ssl_passphrase_command')),
  'longTransactions', (select coalesce(json_agg(t), '[]') from (select pid, usename as user,
      application_name as application, datname as database, state,
      round(extract(epoch from clock_timestamp() - xact_start)::numeric, 1) as "ageSeconds",
      left(regexp_replace(query, '\\s+', ' ', 'g'), 80) as query from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()
      and xact_start < clock_timestamp() - make_interval(secs => %s) order by xact_start limit 10) t),
  'connections', (select count(*) from pg_stat_activity where backend_type = 'client backend'),
  'preparedTransactions', (select count(*) from pg_prepared_xacts)
) from (select pg_is_in_recovery() r) r
"""


def run(*command, statuses=(0,), env=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=env, stdin=subprocess.DEVNULL)
    if done.returncode not in statuses:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise RuntimeError(words[-1] if words else f"exit status {done.returncode}")
    return done.stdout


def postgresql():
    environment = {
        "PATH": "/usr/bin",
        "LC_ALL": "C",
        "PGCONNECT_TIMEOUT": "2",
        "PGAPPNAME": "pgkeel",
        "PGOPTIONS": f"-c statement_timeout={int(LIMIT * 1000)}",
    }
    become = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups")
    # The program itself, not Debian's wrapper, which looks for clusters in Perl for 40 ms.
    psql = "/usr/lib/postgresql/17/bin/psql"
    socket_directory = ("-h", "/var/run/postgresql", "-d", "postgres")
    return json.loads(run(*become, psql, "-XAtq", *socket_directory, "-c", SQL % LONG, env=environment))


def patroni(path):
    """A page of Patroni's REST API on this machine; its certificate is checked as any other client would."""
    text = run(
        *("curl", "-sS", "--max-time", str(LIMIT), "--cacert", "/etc/pgkeel/tls/patroni/ca.crt"),
        *("--resolve", f"{HOSTNAME}:8008:{ADDRESS}", f"https://{HOSTNAME}:8008/{path}"),
    )
    return json.loads(text)


def plain_http(port, path):
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    head, _, body = b"".join(parts).decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


def etcd_health():
    """`/health` of a voter reads through the majority: "true" says that etcd can decide."""
    _, health = plain_http(2381, "/health")
    _, metrics = plain_http(2381, "/metrics")
    values = dict(re.findall(r"^(etcd_server_is_leader|etcd_server_is_learner|etcd_server_has_leader"
                             r"|etcd_mvcc_db_total_size_in_bytes) (\S+)$", metrics, re.M))
    return {
        "healthy": json.loads(health).get("health") == "true",
        "leader": values.get("etcd_server_is_leader") == "1",
        "learner": values.get("etcd_server_is_learner") == "1",
        "databaseBytes": int(float(values.get("etcd_mvcc_db_total_size_in_bytes", 0))),
        "connectedTo": re.findall(r'^etcd_network_active_peers\{.*Remote="([0-9a-f]+)"\} 1$', metrics, re.M),
    }


def etcd_members():
    """The members as this voter knows them, from its peer port: that needs its certificate and no password."""
    tls = "/etc/pgkeel/tls/etcd/"
    text = run(
        *("curl", "-sS", "--http1.1", "--max-time", str(LIMIT), "--cacert", tls + "ca.crt"),
        *("--cert", tls + "machine.crt", "--key", tls + "machine.key", f"https://{ADDRESS}:2380/members"),
    )
    return [
        {
            "id": format(member["id"], "x"),
            "name": member.get("name", ""),
            "peerUrls": member.get("peerURLs", []),
            "learner": bool(member.get("isLearner")),
        }
        for member in json.loads(text)
    ]


def program(name):
    # 3 and 4 are answers too: "not yet", "one of the processes does not answer".
    return json.loads(run(MINE + name, "status", statuses=(0, 3, 4)))


def units():
    names = ["patroni.service"] * ("postgresql" in ROLES) + ["etcd.service"] * ("etcd" in ROLES)
    if "pooler" in ROLES:
        names += ["haproxy.service", "pgbouncer.target"]
        names += [f"pgbouncer-{entry[:2]}@{entry[3:-4]}.service" for entry in sorted(os.listdir("/etc/pgbouncer"))
                  if re.fullmatch(r"(rw|ro)-\d+\.ini", entry)]
    text = run("systemctl", "show", "-p", "Id,ActiveState,SubState,UnitFileState,NRestarts,Job", *names)
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in text.split("\n\n") if block]
    return [
        {
            "unit": block["Id"].removesuffix(".service"),
            "active": block["ActiveState"],
            "detail": block["SubState"],
            "enabled": block.get("UnitFileState", ""),
            "restarts": int(block.get("NRestarts") or 0),
            # systemd is about to start or stop it: while the machine boots, say.
            "queued": bool(block.get("Job")),
        }
        for block in blocks
    ]


PACKAGES = {"postgresql-17": "postgresql", "patroni": "patroni", "etcd-server": "etcd", "haproxy": "haproxy",
            "pgbouncer": "pgbouncer", "pgbackrest": "pgbackrest"}


def package_states():
    """(software, version, state as dpkg says it) of every package that is there, be it half installed."""
    text = run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n", *PACKAGES, statuses=(0, 1))
    rows = [line.split() for line in text.splitlines()]
    gone = ("not-installed", "config-files")
    return [(PACKAGES[row[1]], row[2], row[0]) for row in rows if len(row) == 3 and row[0] not in gone]


def packages():
    return {software: version for software, version, _ in package_states()}


def stale():
    """Software whose program at work is not the installed one, and software whose installation was cut off.

    A program's file that was exchanged under it shows as deleted: that tells two builds of one version apart, which the
    program's own words do not. Patroni is no such file: it notes at its start what it is started from.
    """
    states = package_states()
    found = {software for software, _, state in states if state in ("half-installed", "unpacked", "half-configured")}
    names = ["etcd.service", "haproxy.service", "patroni.service", "pgbouncer-r[wo]@*.service"]
    text = run("systemctl", "show", "-p", "Id,MainPID", *names)
    pids = [("postgresql", read(DATA + "/postmaster.pid", "0").split("\n")[0])]
    for block in text.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values:
            pids.append((re.split(r"[-.]", values["Id"])[0], values["MainPID"]))
    for software, pid in pids:
        try:
            if os.readlink(f"/proc/{pid}/exe").endswith(" (deleted)"):
                found.add(software)
        except OSError:  # it does not run
            continue
        noted = read(PATRONI_STARTED_FROM)
        if software == "patroni" and noted and noted not in [version for name, version, _ in states if name == software]:
            found.add(software)
    return sorted(found)


def read(path, default=""):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return default


def device_bytes(path):
    """Size of the block device under a path, or of its file system where there is none (overlay, directory)."""
    device = os.stat(path).st_dev
    sectors = read(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/size")
    state = os.statvfs(path)
    return int(sectors) * 512 if sectors else state.f_blocks * state.f_frsize


def disks():
    answer = []
    wal = os.path.realpath(DATA + "/pg_wal")
    places = {"data": DATA if os.path.isdir(DATA) else os.path.dirname(os.path.dirname(DATA))}
    if not wal.startswith(DATA + "/"):
        places["wal"] = wal
    for use, path in places.items():
        while not os.path.isdir(path):
            path = os.path.dirname(path)
        state = os.statvfs(path)
        answer.append(
            {
                "use": use,
                "path": path,
                "deviceBytes": device_bytes(path),
                "sizeBytes": state.f_blocks * state.f_frsize,
                "freeBytes": state.f_bavail * state.f_frsize,
            }
        )
    return answer


def hardware():
    """What this machine may use: as its platform noted it; else a container's limits count, where it shows any."""
    noted = notes()
    total = int(re.search(r"MemTotal:\s+(\d+)", read("/proc/meminfo"))[1]) * 1024
    limit = read("/sys/fs/cgroup/memory.max", "max")
    quota, _, period = read("/sys/fs/cgroup/cpu.max", "max 100000").partition(" ")
    cpus = len(os.sched_getaffinity(0))
    return {
        "memoryBytes": noted.get("memoryBytes") or (total if limit == "max" else min(total, int(limit))),
        "vcpu": noted.get("vcpu") or (cpus if quota == "max" else min(cpus, round(int(quota) / int(period), 2))),
        "uptimeSeconds": float(read("/proc/uptime").split()[0]),
    }


def initialised():
    """A PostgreSQL was initialised or seeded here: its data directory has a version."""
    return os.path.exists(DATA + "/PG_VERSION")


def etcd_initialised():
    """etcd has data of its own here: it was founded, or has joined."""
    return os.path.isdir("/var/lib/etcd/pgkeel/member")


def notes():
    """What the platform wrote down of the machine (image, zone, vcpu, memoryBytes), if it did."""
    text = read("/etc/pgkeel/machine.json")
    return json.loads(text) if text else {}


def main():
    parts = {"units": units, "packages": packages, "stale": stale, "hardware": hardware, "notes": notes}
    parts |= {"files": deviations}  # noqa: F821
    if "postgresql" in ROLES:
        parts |= {"initialised": initialised, "postgresql": postgresql, "disks": disks}
        parts |= {"patroni": lambda: patroni("patroni")}
        parts |= {"cluster": lambda: patroni("cluster"), "configuration": lambda: patroni("config")}
    if "etcd" in ROLES:
        parts |= {"etcdHealth": etcd_health, "etcdMembers": etcd_members, "etcdInitialised": etcd_initialised}
    if "pooler" in ROLES:
        parts |= {"pooler": lambda: program("pgbouncer-pause"), "routes": lambda: program("haproxy-routes")}
    answer, problems, lock = {}, {}, threading.Lock()

    def gather(name, part):
        begin = time.monotonic()
        try:
            value = part()
            with lock:
                answer[name] = value
        except Exception as error:  # one part that fails must not hide the others
            late = isinstance(error, (subprocess.TimeoutExpired, TimeoutError))
            with lock:
                problems[name] = f"no answer within {LIMIT:g} s" if late else f"{error}" or type(error).__name__
        took[name] = round((time.monotonic() - begin) * 1000)

    took = {}
    threads = [threading.Thread(target=gather, args=item, daemon=True) for item in parts.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + LIMIT + 0.2
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
    with lock:
        for name in parts:
            if name not in answer and name not in problems:
                problems[name] = f"no answer within {LIMIT:g} s"
        print(json.dumps({**answer, "problems": problems, "tookMs": took}, separators=(",", ":")), flush=True)
    os._exit(0)  # without waiting for what hangs


main()
