"""Judges a chain: exits with 1 when a round has a fault or a voter an offence.

python -m tests.judge --node URL --registry ADDRESS [--deploy deploy.json] [--fip16 EPOCH] [--json]
python -m tests.judge --dump FILE [--fip16 EPOCH] [--json]
"""

import argparse
import json
import os
import sys
from decimal import Decimal
from pathlib import Path

from tests.judge.chain import Chain
from tests.judge.dump import read_dump, seen_of, write_dump
from tests.judge.judgement import judge
from tests.judge.node import Node, read_chain
from tests.judge.page import document, lines
from tests.judge.prices import flr_usd


def main() -> int:
    chosen = _parser().parse_args()
    chain = _chain(chosen)
    if chosen.seen is not None:
        chain.seen = seen_of(json.loads(chosen.seen.read_bytes()))
    if chosen.write_dump is not None:
        write_dump(chain, chosen.write_dump)
    rounds = None if chosen.rounds is None else range(*chosen.rounds)
    told = judge(chain, chosen.fip16, rounds)
    usd = chosen.flr_usd or flr_usd(Path(os.environ.get("CHRONO_DATA", "../shared/data")))
    page = document(chain, told, chosen.fip16, usd)
    names = json.loads(chosen.names.read_bytes()) if chosen.names else {}
    print(json.dumps(page, indent=1) if chosen.json else "\n".join(lines(page, names)))
    return 1 if told.faults or told.offences else 0


def _chain(chosen: argparse.Namespace) -> Chain:
    if chosen.dump is not None:
        return read_dump(chosen.dump)
    registry = None if chosen.registry is None else bytes.fromhex(chosen.registry.removeprefix("0x"))
    deployed = {} if chosen.deploy is None else _deployed(chosen.deploy)
    return read_chain(Node(chosen.node), registry, deployed, chosen.reveal_s)


def _deployed(path: Path) -> dict[str, bytes]:
    """Either an object of addresses by name, or the list that Flare's deployment scripts write."""
    told = json.loads(path.read_bytes())
    pairs = told.items() if isinstance(told, dict) else [(each["name"], each["address"]) for each in told]
    return {name.removesuffix(".sol"): bytes.fromhex(place[2:]) for name, place in pairs}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--node", help="the address of a node's JSON-RPC")
    source.add_argument("--dump", type=Path, help="a chain as JSON, see tests/judge/dump.py")
    parser.add_argument("--registry", help="the FlareContractRegistry")
    parser.add_argument("--deploy", type=Path, help="contracts by name, a deploy.json")
    parser.add_argument("--reveal-s", type=int, help="the reveal window; half an epoch unless given")
    parser.add_argument("--fip16", type=int, help="the first reward epoch that votes by FIP.16")
    parser.add_argument("--rounds", type=int, nargs=2, metavar=("FIRST", "END"), help="only these")
    parser.add_argument("--seen", type=Path, help="what tests.judge.watch wrote")
    parser.add_argument("--names", type=Path, help="names of identities, as JSON")
    parser.add_argument("--flr-usd", type=Decimal, help="else that of a recorded round under CHRONO_DATA")
    parser.add_argument("--write-dump", type=Path, help="keep what was read")
    parser.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
