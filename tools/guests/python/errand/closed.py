"""What a snippet cannot do, said at once and in a few words. The sandbox has none of it either;
this only spares the model a riddle."""

import builtins
import sys


def _says(kind, words):
    def refuse(*_, **__):
        raise kind(words)

    return refuse


NETWORK = "there is no network in python: use web.read"
PROCESS = "there are no processes in python"
THREAD = "there are no threads in python: do one thing after the other"


def install():
    builtins.input = _says(RuntimeError, "there is nobody to ask: input() does not work here")
    builtins.breakpoint = lambda *_, **__: None
    import os
    import time

    time.sleep = lambda seconds: None
    for name in ("system", "popen", "fork", "forkpty", "execv", "execve", "execl", "execlp", "execvp", "spawnl", "spawnv", "posix_spawn", "kill"):
        setattr(os, name, _says(PermissionError, PROCESS))
    _close("subprocess", ("Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"), PermissionError, PROCESS)
    _close("socket", ("socket", "create_connection", "create_server", "getaddrinfo", "gethostbyname", "socketpair"), PermissionError, NETWORK)
    _close("urllib.request", ("urlopen", "urlretrieve", "build_opener"), PermissionError, NETWORK)
    _close("getpass", ("getpass",), RuntimeError, "there is nobody to ask: getpass() does not work here")
    _close("http.client", ("HTTPConnection", "HTTPSConnection"), PermissionError, NETWORK)
    _close("concurrent.futures", ("ThreadPoolExecutor", "ProcessPoolExecutor"), RuntimeError, THREAD)
    threading = sys.modules.get("threading")
    if threading is not None:
        threading.Thread.start = _says(RuntimeError, THREAD)


def _close(module, names, kind, words):
    module = sys.modules.get(module)
    if module is not None:
        for name in names:
            setattr(module, name, _says(kind, words))
