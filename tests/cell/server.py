"""A server with one tool, which says what its program can do that it may not."""

import ctypes
import json
import mmap
import os
import socket
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)


def called(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "no")


def could(attempts):
    """The names of those that were no error."""
    done = []
    for name, attempt in attempts.items():
        try:
            attempt()
            done.append(name)
        except OSError:
            pass
    return done


def files(path):
    """`path` is a file that was not granted, in a folder that was not."""
    above = os.path.dirname(path)
    open("out/mine", "w").close()
    found = could({
        "stat": lambda: os.stat(path),
        "chmod": lambda: os.chmod(path, 0o777),
        "utime": lambda: os.utime(path),
        "chown": lambda: os.chown(path, os.getuid(), os.getgid()),
        "setxattr": lambda: os.setxattr(path, "user.mine", b"x"),
        "getxattr": lambda: os.getxattr(path, "user.theirs"),
        "list": lambda: os.listdir(above),
        "watch": lambda: called(libc.inotify_add_watch(libc.inotify_init(), above.encode(), 0xFFF)),
        "its parent": lambda: os.stat(os.path.join(os.getcwd(), "..", "beside")),
        "rights of what it reads": lambda: os.chmod("server.py", 0o777),
        "times of what it reads": lambda: os.utime("server.py"),
        "a file with its owner's rights": lambda: os.chmod("out/mine", 0o4755),
        "a file with its group's rights": lambda: os.chmod("out/mine", 0o2755),
        "a new file with its owner's rights": lambda: os.open("out/new", os.O_CREAT | os.O_WRONLY, 0o4755),
        "rights of the system": lambda: os.chmod("/usr", 0o755),
        "a file of the system": lambda: open("/usr/made", "w"),
        "a file of the root": lambda: open("/made", "w"),
        "mount": lambda: called(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
        "unmount": lambda: called(libc.umount2(b"/tmp", 2)),
        "old root": lambda: os.stat("/.old"),
        "users": lambda: open("/etc/shadow"),
        "devices": lambda: os.mknod("/tmp/device", 0o600 | 0o060000, os.makedev(1, 1)),
        "kernel": lambda: open("/proc/kallsyms"),
        "settings": lambda: open("/proc/sys/kernel/hostname"),
        "the system's hardware": lambda: os.listdir("/sys"),
        "anonymous memory file": lambda: os.memfd_create("x"),
        "shared memory segment": lambda: called(libc.shmget(0, 1 << 20, 0o1600)),
        "a shared mapping without a name": lambda: mmap.mmap(-1, 1 << 20),
        "a shared mapping of zeros": lambda: mmap.mmap(os.open("/dev/zero", os.O_RDWR), 1 << 20),
        "much shared memory": lambda: open("/dev/shm/large", "wb").write(b"x" * (300 << 20)),
    })
    # And what it needs goes on.
    os.chmod("out/mine", 0o755)
    open("/tmp/own", "w").write("x")
    open("/dev/null", "w").write("x")
    open("/dev/urandom", "rb").read(1)
    open("/dev/zero", "rb").read(1)
    mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    subprocess.run([sys.executable, "-c", "print(1)"], check=True, capture_output=True)
    seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    found += [f"process {process}" for process in seen if process != os.getpid()]
    return ", ".join(found) or "nothing"


def threads():
    """More than there may be; each is one for the kernel."""
    many = "import threading, time\nfor _ in range(200): threading.Thread(target=time.sleep, args=(60,)).start()"
    for _ in range(4):
        subprocess.Popen([sys.executable, "-c", many], stderr=subprocess.DEVNULL)
    time.sleep(60)


def sockets():
    """What waits in one to be read is memory, and no process's."""
    for _ in range(9):
        if os.fork() == 0:
            break
    kept = [socket.socketpair() for _ in range(200)]
    time.sleep(60)
    return len(kept)


def call(arguments):
    match arguments:
        case {"use": "sockets"}:
            return sockets()
        case {"path": path}:
            return files(path)
        case {"use": "threads"}:
            return threads()


for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    match request["method"]:
        case "initialize":
            result = {
                "protocolVersion": request["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "cell", "version": "1"},
            }
        case "tools/list":
            schema = {"type": "object"}
            result = {"tools": [{"name": "work", "description": "Works.", "inputSchema": schema}]}
        case "tools/call":
            result = {"content": [{"type": "text", "text": call(request["params"]["arguments"])}]}
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)
