"""Many rounds on a chain of one's own, with everything that may happen to a reward epoch. About 36 minutes.

python -m tests.chain [--rounds 200] [--contracts DIR] [--to FOLDER]

Five voters: four twins of another hand, and `chrono run --network local`. A feed is added, one removed and one offered
for by the community; a policy comes late; a newcomer takes the lightest voter's place and gives it back; FIP.16 begins
midway. Then the judge looks at every round. Exits with 1 when a round, a voter or a part of the story is at fault.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.chain.building import OURS as OUR_CONTRACTS
from tests.chain.chrono_run import ChronoRun
from tests.chain.scene import FIVE, Provider, Scene
from tests.chain.story import FIP16_FROM, Story, plan

CHRONO = "eve"
NEWCOMER = Provider("fay", 0)
PROVIDERS = [*FIVE[:-1], Provider(CHRONO, 10, is_twin=False), NEWCOMER]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument(
        "--contracts", type=Path, default=OUR_CONTRACTS, help="a folder of contracts, see tests/contracts"
    )
    parser.add_argument("--to", type=Path, help="where logs and the judge's figures are kept")
    chosen = parser.parse_args()
    folder = chosen.to or Path(tempfile.mkdtemp(prefix="chrono-chain-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"logs and figures: {folder}", flush=True)
    with Scene(folder, PROVIDERS, plan(chosen.rounds), fip16=FIP16_FROM, contracts=chosen.contracts) as scene:
        scene.run_twins()
        watching = scene.watch()
        story = Story(scene)
        with ChronoRun(scene, CHRONO):
            story.play(chosen.rounds)
        scene.stop("watch")
        missing = story.missing(judged(scene, watching, folder), chosen.rounds)
        told = scene.judge(seen=watching)
    print(told.stdout, told.stderr)
    print("\n".join(missing) or "the whole story was told")
    return 1 if told.returncode or missing else 0


def judged(scene: Scene, watching: Path, folder: Path) -> dict[str, Any]:
    """The judge's figures, kept beside the chain itself. Raises: ValueError when it could not judge."""
    told = scene.judge("--json", "--write-dump", folder / "chain.json", seen=watching)
    (folder / "judgement.json").write_text(told.stdout)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
