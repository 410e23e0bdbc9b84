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


@pytest.mark.parametrize("use", [READS_A_MNEMONIC, MAKES_A_KEYSTORE])
def test_nested_json_is_still_refused_and_ends_no_process_once_a_key_was_used(use: str) -> None:
    after = (
        "import json, sys\n"
        "limit = sys.getrecursionlimit()\n"
        f"{use}\n"
        "assert 'py_ecc' in sys.modules, 'the library is not even there, so this proves nothing'\n"
        "assert sys.getrecursionlimit() == limit, sys.getrecursionlimit()\n"
        "try:\n    json.loads('[' * 1_000_000)\nexcept RecursionError:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", after], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "refused"), done.stderr
