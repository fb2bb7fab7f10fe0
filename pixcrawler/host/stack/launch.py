"""Become the right user, agree to die with the parent, then turn into another program."""

# Run as a plain script: python -I -S launch.py WHO SIGNAL PARENT -- PROGRAM ARGUMENT ...
# because what it does between fork and exec is unsafe inside a process that has threads.
# WHO is self, namespace:UID:GID (a private user namespace in which we appear as that user, while
# files stay ours) or switch:UID:GID. PARENT is the process that must still be our parent.
# PROGRAM may be "reach": may that user enter and write the folder that follows?

import ctypes
import os
import sys
from pathlib import Path

CANNOT_BECOME = 125  # exit code: the user cannot be assumed here
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1


def _enter_namespace(uid: int, gid: int) -> None:
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare: " + os.strerror(ctypes.get_errno()))
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {outside_uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {outside_gid} 1", encoding="ascii")


def _become(who: str) -> None:
    kind, _, ids = who.partition(":")
    if kind == "self":
        return
    uid, gid = (int(part) for part in ids.split(":"))
    if kind == "namespace":
        _enter_namespace(uid, gid)
    else:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _die_with_parent(signal_number: int, parent: int) -> None:
    # After the change of user, because that resets it.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if parent and os.getppid() != parent:
        sys.exit(CANNOT_BECOME)


def main() -> None:
    """Do what the command line says; never returns."""
    who, signal_number, parent, _, program, *rest = sys.argv[1:]
    try:
        _become(who)
    except OSError as error:
        sys.stderr.write(f"cannot become {who}: {error}\n")
        sys.exit(CANNOT_BECOME)
    if program == "reach":
        sys.exit(0 if os.access(rest[0], os.R_OK | os.W_OK | os.X_OK) else 1)
    _die_with_parent(int(signal_number), int(parent))
    os.execv(program, [program, *rest])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
