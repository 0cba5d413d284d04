"""Runs one command to its end and prints its figures: run.py FIGURES LOG COMMAND...

A program of its own, because Linux counts the memory of whoever starts a process towards that process's peak: this one is small.
"""
import os
import sys
import time

figures, log, *command = sys.argv[1:]
output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
began = time.monotonic()
pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)])
_, status, usage = os.wait4(pid, 0)
with open(figures, "w") as out:
    out.write(f"{time.monotonic() - began} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss * 1024 / 1e6} {os.waitstatus_to_exitcode(status)}")
