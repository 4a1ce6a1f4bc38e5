"""python tests/crash/doomed.py FOLDER COMMAND …: `manage.py COMMAND` again and again, to be killed.

Django is set up once; each line on stdin forks a process that runs the command, and its ending is answered:
"0" when it came to its end, "-9" when it was killed. DOOM_FILE names the appointment (see `doom`).
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(folder: str, *command: str) -> None:
    os.chdir(ROOT / folder)
    sys.path[:0] = [str(ROOT / folder), str(ROOT)]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from doom import install

    install(Path(os.environ["DOOM_FILE"]))
    print("ready", flush=True)
    for _ in sys.stdin:
        print(_run(command), flush=True)


def _run(command: tuple[str, ...]) -> int:
    pid = os.fork()
    if pid == 0:
        _child(command)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _child(command: tuple[str, ...]) -> None:
    from django.core.management import call_command

    status = 1
    try:
        sys.stdin.close()
        os.dup2(2, 1)
        call_command(*command)
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
