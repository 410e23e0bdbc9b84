"""One voter for each identity of a network, whatever its data folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chrono.errors import IDENTITY_BUSY, ChronoError
from chrono.flare.address import Address
from chrono.provider.lock import hold_identity

ME, OTHER = Address(b"\x11" * 20), Address(b"\x22" * 20)
HOLDER = """
import sys
from pathlib import Path
from chrono.flare.address import Address
from chrono.provider.lock import hold_identity
with hold_identity("coston2", Address(b"\\x11" * 20), Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with hold_identity("coston2", ME, tmp_path):
        with pytest.raises(ChronoError) as busy, hold_identity("coston2", ME, tmp_path):
            pass
        assert busy.value.reason is IDENTITY_BUSY
        assert busy.value.facts["held_by"] == f"pid {os.getpid()}"
        with hold_identity("coston2", OTHER, tmp_path), hold_identity("flare", ME, tmp_path):
            pass  # another identity, and another network, are other voters
    with hold_identity("coston2", ME, tmp_path):
        pass


def test_a_process_that_is_killed_lets_go_of_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(ChronoError), hold_identity("coston2", ME, tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with hold_identity("coston2", ME, tmp_path):
        pass
