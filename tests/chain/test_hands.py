"""Who is of another hand: nothing of a twin or of the judge comes from Chrono."""

import subprocess
import sys

from tests.chain.scene import ROOT

STRANGERS = ("tests.chain.twins", "tests.chain.scene", "tests.judge.__main__", "tests.judge.watch")


def test_twins_judge_and_chain_import_nothing_of_chrono():
    script = (
        f"import sys, {', '.join(STRANGERS)};"
        " print([name for name in sys.modules if name.split('.')[0] in ('chrono', 'chrono_core')])"
    )
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
