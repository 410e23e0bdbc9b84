"""Contracts of others in the place of ours: another folder, or a program that deploys."""

import json
import sys

import pytest

from tests.chain.account import Account
from tests.chain.building import compiled
from tests.chain.deployment import Plan, deploy
from tests.chain.scene import ROOT, Scene

PROGRAM = f"""#!{sys.executable}
import json, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.chain.account import Account
from tests.chain.building import compiled
from tests.chain.deployment import DEPLOY_GAS
from tests.chain.rpc import Rpc
told = json.load(sys.stdin)
rpc, owner = Rpc(told["node"]), Account(bytes.fromhex(told["owner_key"][2:]))
sent = owner.send(rpc, None, compiled()["FlareContractRegistry"].bytecode, DEPLOY_GAS)
while not (receipt := rpc.ask("eth_getTransactionReceipt", sent)):
    pass
print(json.dumps({{"FlareContractRegistry": receipt["contractAddress"]}}))
"""


@pytest.fixture
def hands(anvil):
    owner, daemon = Account.of("owner"), Account.of("daemon")
    anvil.give(owner.address, 10**24)
    return anvil, owner, daemon


def test_a_program_of_theirs_deploys_and_says_where_everything_is(hands, tmp_path):
    program = tmp_path / "deploy"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    theirs = deploy(*hands, Plan(hands[0].rpc.head()[1]), tmp_path)
    assert list(theirs.places) == ["FlareContractRegistry"]
    assert theirs["FlareContractRegistry"].ask("getAllContracts") == ((), ())
    theirs.write(tmp_path / "deploy.json")
    assert json.loads((tmp_path / "deploy.json").read_text()) == theirs.places


def test_a_contract_that_is_not_solidity_is_told_with_the_compilers_words(tmp_path):
    (tmp_path / "Odd.sol").write_text("contract Odd { uint256 x = ; }")
    with pytest.raises(ValueError, match="ParserError"):
        compiled(tmp_path)


def test_an_initial_reward_epoch_that_nobody_votes_in_is_soon_over(tmp_path):
    with Scene(tmp_path) as scene:
        assert scene.reward_epoch() == 0
        assert json.loads((tmp_path / "deploy.json").read_text())["Relay"] == scene.deployment.places["Relay"]
        ends_s = scene.deployment["FlareSystemsManager"].ask("currentRewardEpochExpectedEndTs")
        assert 0 < ends_s - scene.rpc.head()[1] < 60
