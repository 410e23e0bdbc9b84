"""The contracts, compiled: Solidity through solc from npm, kept by the hash of what went in."""

import hashlib
import json
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OURS = HERE.parent / "contracts"
KEPT = HERE / "node_modules" / ".contracts"
EVM_VERSION = "cancun"
"""What Flare's chains execute; calldata is cheaper there than in later versions."""


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    abi: list[dict[str, Any]]
    bytecode: bytes


def tool(name: str) -> Path:
    """Where a program of npm is. Raises: FileNotFoundError, with what to do."""
    path = HERE / "node_modules" / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: run `make node-tools`")
    return path


def anvil_binary() -> Path:
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine().lower()]
    return tool(f"@foundry-rs/anvil-{sys.platform}-{machine}/bin/anvil")


def compiled(folder: Path = OURS) -> dict[str, Artifact]:
    """Every contract of a folder by name. Raises: ValueError with what the compiler said."""
    sources = {path.name: {"content": path.read_text()} for path in sorted(folder.glob("*.sol"))}
    request = json.dumps(
        {
            "language": "Solidity",
            "sources": sources,
            "settings": {
                "optimizer": {"enabled": True, "runs": 200},
                "evmVersion": EVM_VERSION,
                "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
            },
        }
    )
    answer = KEPT / f"{hashlib.sha256(request.encode()).hexdigest()}.json"
    if not answer.exists():
        _compile(request, answer)
    told = json.loads(answer.read_bytes())
    faults = [each["formattedMessage"] for each in told.get("errors", []) if each["severity"] == "error"]
    if faults:
        raise ValueError("\n".join(faults))
    return {
        name: Artifact(body["abi"], bytes.fromhex(body["evm"]["bytecode"]["object"]))
        for contracts in told["contracts"].values()
        for name, body in contracts.items()
        if body["evm"]["bytecode"]["object"]
    }


def _compile(request: str, answer: Path) -> None:
    tool("solc")
    KEPT.mkdir(exist_ok=True)
    asked, made = answer.with_suffix(".asked"), answer.with_suffix(".made")
    asked.write_text(request)
    subprocess.run(["node", HERE / "compile.cjs", asked, made], check=True)
    asked.unlink()
    made.rename(answer)


if __name__ == "__main__":
    print(f"{len(compiled())} contracts compiled")
