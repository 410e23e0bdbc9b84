"""Every load figure, one line each: `python -m tests.load [NAME…]`."""

import subprocess
import sys

MODULES = ("store_write", "ingest", "latest", "end_to_end", "stream_fanout", "venues")


def main() -> int:
    """Each in a process of its own, one after another; the exit code is that of the worst."""
    worst = 0
    for name in sys.argv[1:] or MODULES:
        print(f"# {name}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", f"tests.load.{name}"], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
