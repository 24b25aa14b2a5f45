"""Runs an example on demo accounts: ``python examples/run.py flask 8000``.

Its database and its accounts are in ``instance/examples``; they are made the first time.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
INSTANCE = HERE.parent / "instance" / "examples"
SERVERS = {
    "flask": ["-m", "flask", "--app", "{app}", "run", "--port", "{port}"],
    "fastapi": ["-m", "uvicorn", "--app-dir", "{folder}", "app:app", "--port", "{port}"],
    "django": ["{app}", "runserver", "--noreload", "{port}"],
}


def main() -> int:
    """Make the accounts, and run the server until it is stopped; return its exit code."""
    parser = argparse.ArgumentParser(description="Run an example on demo accounts.")
    parser.add_argument("name", choices=SERVERS)
    parser.add_argument("port", type=int)
    said = parser.parse_args()
    os.environ.setdefault("TIM_INSTANCE_PATH", str(INSTANCE))
    for words in (["db", "upgrade"], ["demo"]):
        subprocess.run([sys.executable, "-m", "timApp.cli", *words], check=True)
    folder = HERE / said.name
    values = {"app": folder / "app.py", "folder": folder, "port": said.port}
    server = [word.format(**values) for word in SERVERS[said.name]]
    sys.stdout.write(f"Open http://127.0.0.1:{said.port}/ ; Ctrl+C stops it.\n")
    sys.stdout.flush()
    try:
        return subprocess.run([sys.executable, *server], check=False).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
