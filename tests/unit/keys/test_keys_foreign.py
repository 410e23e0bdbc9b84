"""What the key libraries do to the whole process stays without effect."""

import subprocess
import sys

import pytest

READS_A_MNEMONIC = """
from chrono.keys.key_text import read_key
from chrono.keys.roles import Role
from chrono.settings import Secret
read_key(Secret("test test test test test test test test test test test junk"), Role.SUBMIT)
"""
MAKES_A_KEYSTORE = """
import pathlib, tempfile
from chrono.keys.key_text import new_key
from chrono.keys.keystore import create_keystore
from chrono.keys.roles import Role
from chrono.settings import Secret
folder = pathlib.Path(tempfile.mkdtemp())
folder.chmod(0o700)
create_keystore(folder, Role.SUBMIT, "coston2", new_key(Role.SUBMIT), Secret("password"), now_ns=0, scrypt_n=2)
"""
RAISES_THE_LIMIT = """
taken, raised = builtins.__import__, []
def take(name, *how):
    if name.partition(".")[0] in ("eth_account", "eth_keyfile"):
        raised.append(name)
        sys.setrecursionlimit(100_000)
    return taken(name, *how)
builtins.__import__ = take
"""
"""What py_ecc does when one of them brings it along; whether they do is a matter of their versions."""


@pytest.mark.parametrize("use", [READS_A_MNEMONIC, MAKES_A_KEYSTORE])
def test_nested_json_is_still_refused_and_ends_no_process_once_a_key_was_used(use: str) -> None:
    after = (
        "import builtins, json, sys\n"
        "limit = sys.getrecursionlimit()\n"
        f"{RAISES_THE_LIMIT}\n"
        f"{use}\n"
        "assert raised, 'no key library was taken in, so this proves nothing'\n"
        "assert sys.getrecursionlimit() == limit, sys.getrecursionlimit()\n"
        "try:\n    json.loads('[' * 1_000_000)\nexcept RecursionError:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", after], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "refused"), done.stderr
