"""The `chrono` command. `main` is light: a command's own modules are loaded when it is called."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    import sys

    from chrono.cli.root import run

    sys.exit(run(sys.argv[1:]))
