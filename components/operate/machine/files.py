"""What differs on a machine from the files that its services were given: components/remote/converge.sh keeps them. It only reads.

In Python, within the program that looks at everything else, and without starting another one: it is part of every look at a
cluster, on machines that may be busy.
"""

import fcntl
import glob
import grp
import os
import pwd
import stat


def deviations(root=""):
    """By service: {"state": "declared" | "passing" | "busy", "deviating": [{"path", "how"}]}; `root` is for tests."""
    return {
        os.path.basename(os.path.dirname(path)): of_service(os.path.dirname(path), root)
        for path in sorted(glob.glob(root + "/var/lib/pgkeel/*/declared.main"))
    }


def of_service(directory, root):
    # A run that is at work moves files at this moment; what it leaves is seen by the next look.
    with open(directory + "/lock", "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return {"state": "busy", "deviating": []}
        found = {}
        for kept in ("declared.main", "declared.secrets"):
            for path, owner, mode, content in bundle(f"{directory}/{kept}"):
                how = deviation(root + path, None if root else owner, mode, content)
                if how:
                    found[path] = how
        for path in content_of(directory + "/pending").decode().splitlines():
            found.setdefault(path, "unapplied")
        passing = os.path.exists(directory + "/passing")
    return {
        "state": "passing" if passing else "declared",
        "deviating": [{"path": path, "how": found[path]} for path in sorted(found)],
    }


def bundle(path):
    """Files of a bundle: path, owner, mode, content. The format is converge.sh's."""
    files = []
    for line in content_of(path).splitlines(keepends=True):
        if line.startswith(b"=== "):
            _, name, owner, mode = line.decode().split()
            files.append((name, owner, mode, []))
        elif files:
            files[-1][3].append(line)
    return [(name, owner, mode, b"".join(lines)) for name, owner, mode, lines in files]


def deviation(path, owner, mode, content):
    """How the file differs; None: it does not. `owner` None: any will do."""
    try:
        seen = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    # The length first: a file that is much too long is not read.
    if not stat.S_ISREG(seen.st_mode) or seen.st_size != len(content) or content_of(path) != content:
        return "content"
    if f"{stat.S_IMODE(seen.st_mode):04o}" != mode or owner not in (None, owner_of(seen)):
        return "mode"
    return None


def owner_of(seen):
    try:
        return f"{pwd.getpwuid(seen.st_uid).pw_name}:{grp.getgrgid(seen.st_gid).gr_name}"
    except KeyError:
        return "nobody of this machine"


def content_of(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
