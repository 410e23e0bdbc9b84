"""`chrono ftso entity` as an operator uses it, on a local chain whose EntityManager enforces what Flare's does."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from eth_account import Account as Signing

from chrono.chain.entities import Tried
from chrono.chain.node import Node
from chrono.chain.pool import Pool
from chrono.cli.root import run as run_chrono
from chrono.clock import SECOND_NS, SystemClock
from chrono.errors import TRANSACTION_REVERTED
from chrono.flare.address import Address, parse_address
from chrono.flare.epochs import Timing
from chrono.flare.networks import local_network
from chrono.keys.entity_calls import confirmation_policy
from chrono.keys.guards import Place
from chrono.keys.key_folder import KeyFolder
from chrono.keys.roles import Role
from chrono.keys.secret_key import SecretKey
from chrono.keys.signer import Signer
from chrono.provider.entity_sending import Hand
from chrono.provider.entity_setup import Act, RoleFacts, call_of
from chrono.provider.setup import ProviderRules
from chrono.settings import Secret
from tests.chain.account import Account
from tests.chain.anvil import CHAIN_ID, Anvil
from tests.chain.deployment import Deployment, Plan, deploy
from tests.chain.entity import Entity
from tests.fakes.ledger_device import LedgerApp, served

PASSWORD, COLD = "correct horse battery", "another battery"
HOT = ("submit", "submit_signatures", "signing_policy")
PATH = bytes.fromhex("058000002c8000003c800000000000000000000000")


class LocalChain(NamedTuple):
    """A node that mines by the second, and the contracts on it."""

    anvil: Anvil
    deployment: Deployment

    def ask(self, function: str, *values: Any) -> Any:
        return self.deployment["EntityManager"].ask(function, *values)

    def nonce(self, account: Account) -> int:
        return int(self.anvil.rpc.ask("eth_getTransactionCount", account.address, "latest"), 16)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalChain]:
    with Anvil(tmp_path_factory.mktemp("chain")) as anvil:
        owner, keeper = Account.of("owner"), Account.of("daemon")
        for account in (owner, keeper):
            anvil.give(account.address, 10**24)
        deployment = deploy(anvil, owner, keeper, Plan(anvil.rpc.head()[1]))
        anvil.mine_by_the_clock()
        yield LocalChain(anvil, deployment)


class Operator:
    """Who has an entity, its keystores, its cold keys in files, and a command line."""

    def __init__(
        self, chain: LocalChain, environ: dict[str, str], folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.chain, self.folder, self._capsys = chain, folder, capsys
        self.entity, url = Entity.of(folder.name), chain.anvil.rpc.url
        self.keys = KeyFolder.below(environ["CHRONO__DATA_DIR"], "local")
        self.environ = environ | {
            "CHRONO__NETWORK": "local",
            # Two must say the same, though here it is one that answers for both.
            "CHRONO__FLARE__NODES": f"{url},{url.replace('127.0.0.1', 'localhost')}",
            "CHRONO__FLARE__REGISTRY": chain.deployment.places["FlareContractRegistry"],
            "CHRONO__FLARE__IDENTITY": self.entity.identity.address,
            "CHRONO__FLARE__PASSWORD": "env:HOT",
            "HOT": PASSWORD,
            "COLD": COLD,
        }

    def keep(self, *roles: str) -> None:
        for role in roles or HOT:
            key = SecretKey(getattr(self.entity, role).key)
            self.keys.add(Role(role), key, Secret(PASSWORD), now_ns=0, scrypt_n=16)

    def cold(self, name: str) -> tuple[str, ...]:
        """The options that open a cold key's file."""
        path = self.folder / "cold" / f"{name}.json"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(json.dumps(Signing.encrypt(getattr(self.entity, name).key, COLD, kdf="pbkdf2", iterations=9)))
        path.chmod(0o600)
        return ("--keystore", str(path), "--keystore-password", "env:COLD")

    def run(self, *args: str) -> tuple[int, dict[str, Any], str]:
        """`chrono ftso entity … --json` in this process."""
        code = run_chrono(["ftso", "entity", *args, "--json"])
        told = self._capsys.readouterr()
        return code, json.loads(told.out) if told.out else {}, told.err

    def states(self, *args: str) -> dict[str, str]:
        return {each["role"]: each["state"] for each in self.run(*args)[1]["roles"]}

    def nonces(self) -> list[int]:
        return [self.chain.nonce(getattr(self.entity, name)) for name in ("identity", "delegation", *HOT)]

    def fund(self) -> None:
        self.entity.fund(self.chain.anvil.rpc)


@pytest.fixture
def operator(
    chain: LocalChain,
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Operator:
    made = Operator(chain, environ, tmp_path, capsys)
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    return made


def test_an_entity_gets_its_addresses_and_what_stands_is_never_sent_again(operator: Operator) -> None:
    operator.keep()
    operator.fund()
    delegation = ("--delegation", operator.entity.delegation.address)
    identity = (*operator.cold("identity"), *delegation)
    own = (*operator.cold("delegation"), *delegation)

    code, told, _ = operator.run()
    assert (code, told["verdict"]) == (3, "open")
    assert [each["state"] for each in told["roles"]] == ["missing", "missing", "missing", "no_address"]

    code, told, _ = operator.run("propose", "--dry-run", *delegation)
    assert (code, told["verdict"], told["sent"]) == (0, "ready", None)
    assert [each["function"] for each in told["calls"]] == [
        "proposeSubmitAddress",
        "proposeSubmitSignaturesAddress",
        "proposeSigningPolicyAddress",
        "proposeDelegationAddress",
    ]
    assert {each["from"] for each in told["calls"]} == {operator.entity.identity.address}
    assert all(0 < int(each["about_wei"]) < int(each["most_wei"]) for each in told["calls"])
    assert operator.nonces() == [0, 0, 0, 0, 0]

    code, told, _ = operator.run("propose", "--yes", *identity)
    assert (code, told["verdict"], [each["reason"] for each in told["sent"]]) == (0, "done", [None] * 4)
    assert all(
        int(sent["cost_wei"]) <= int(call["most_wei"]) for sent, call in zip(told["sent"], told["calls"], strict=True)
    )
    assert operator.nonces() == [4, 0, 0, 0, 0]

    code, told, _ = operator.run("propose", "--yes", *identity)
    assert (code, told["calls"], told["sent"]) == (0, [], None)
    assert operator.nonces() == [4, 0, 0, 0, 0]

    code, told, _ = operator.run("confirm", "--yes", *own)
    assert (code, told["verdict"], [each["state"] for each in told["roles"]]) == (0, "done", ["stands"] * 4)
    assert operator.nonces() == [4, 1, 1, 1, 1]

    for again in (("confirm", "--yes", *own), ("propose", "--yes", *identity)):
        code, told, _ = operator.run(*again)
        assert (code, told["calls"], told["sent"]) == (0, [], None)
    assert operator.nonces() == [4, 1, 1, 1, 1]
    assert operator.run()[0] == 0

    who = operator.entity
    addresses = tuple(each.lower() for each in (getattr(who, role).address for role in HOT))
    assert operator.chain.ask("getVoterAddresses", who.identity.address) == addresses
    assert operator.chain.ask("getDelegationAddressOf", who.identity.address) == who.delegation.address.lower()


def test_the_identity_on_a_ledger_is_asked_for_each_press_and_for_none_after_a_refusal(
    operator: Operator, chrono: Callable[..., Any]
) -> None:
    operator.keep("submit", "signing_policy")
    operator.fund()
    app = LedgerApp({PATH: operator.entity.identity.key})

    def propose() -> Any:
        with served(app) as port:
            where = {"LEDGER_PROXY_ADDRESS": "127.0.0.1", "LEDGER_PROXY_PORT": str(port)}
            roles = ("submit", "signing_policy")
            return chrono("ftso", "entity", "propose", *roles, "--yes", "--json", **operator.environ, **where)

    app.presses = False
    done = propose()
    assert (done.code, len(app.shown)) == (1, 1)
    first, second = json.loads(done.out)["sent"]
    assert (first["reason"], second["message"]) == ("ledger_declined", "not sent, since the one before was not")
    assert operator.nonces()[0] == 0

    app.presses, app.shown = True, []
    done = propose()
    assert (done.code, json.loads(done.out)["verdict"]) == (0, "done")
    manager = bytes.fromhex(operator.chain.deployment.places["EntityManager"][2:])
    assert app.shown == [("transaction", CHAIN_ID, manager, 0)] * 2
    assert "press for each of 2 transactions" in done.err


def test_a_ledger_with_another_account_and_none_at_all_are_told(operator: Operator, chrono: Callable[..., Any]) -> None:
    operator.keep("submit")
    operator.fund()
    with served(LedgerApp({PATH: b"\x11" * 32})) as port:
        where = {"LEDGER_PROXY_ADDRESS": "127.0.0.1", "LEDGER_PROXY_PORT": str(port)}
        done = chrono("ftso", "entity", "propose", "submit", "--yes", **operator.environ, **where)
    assert done.code == 2
    assert f"the call is {operator.entity.identity.address}'s" in done.err
    assert "another --path" in done.err
    done = chrono("ftso", "entity", "propose", "submit", "--yes", **operator.environ, **where)
    assert done.code == 1
    assert "connect it, unlock it and open its Ethereum app" in done.err
    assert operator.nonces()[0] == 0


def test_an_account_that_cannot_pay_is_named_with_what_it_lacks(operator: Operator) -> None:
    operator.keep()
    code, told, err = operator.run("propose", "--yes", *operator.cold("identity"))
    assert (code, told) == (1, {})
    assert f"coins to {operator.entity.identity.address}" in err
    code, told, _ = operator.run("propose", "--dry-run")
    assert (code, told["verdict"]) == (1, "failed")
    [lacking] = told["funds"]
    assert int(lacking["missing_wei"]) == sum(int(each["most_wei"]) for each in told["calls"])


def test_a_key_that_is_not_here_is_named(operator: Operator) -> None:
    operator.keep("submit")
    operator.fund()
    code, told, _ = operator.run("propose", "--dry-run")
    assert (code, [each["role"] for each in told["calls"]]) == (1, ["submit"])
    nexts = {each["role"]: each["next"] for each in told["roles"]}
    assert nexts["signing_policy"] == "chrono wallet new signing_policy"


def test_what_nobody_proposed_is_not_confirmed(operator: Operator) -> None:
    operator.keep("submit")
    operator.fund()
    code, told, _ = operator.run("confirm", "submit", "--yes")
    assert (code, told["verdict"], told["calls"]) == (3, "open", [])
    assert told["roles"][0]["next"] == "chrono ftso entity propose submit"


def test_an_address_of_another_entity_is_neither_proposed_nor_confirmed(operator: Operator) -> None:
    other = Entity.of("somebody else")
    other.fund(operator.chain.anvil.rpc)
    operator.fund()
    manager, mine = operator.chain.deployment["EntityManager"], operator.entity.submit
    other.identity.send(
        operator.chain.anvil.rpc, manager.address, manager.data("proposeSubmitAddress", mine.address), 300_000
    )
    operator.chain.anvil.mine()
    data = manager.data("confirmSubmitAddressRegistration", other.identity.address)
    mine.send(operator.chain.anvil.rpc, manager.address, data, 300_000)
    operator.chain.anvil.mine()
    operator.keep("submit")
    for act in ("propose", "confirm"):
        code, told, _ = operator.run(act, "submit", "--yes", *operator.cold("identity"))
        assert (code, told["verdict"], told["calls"], told["sent"]) == (1, "failed", [], None)
        [role] = told["roles"]
        assert (role["state"], role["holder"]) == ("taken", other.identity.address)
        assert other.identity.address in role["next"]
    assert operator.nonces()[0] == 0


@pytest.mark.parametrize("ages", [(1, 2), (2, 1)])
def test_of_two_keystores_the_newer_one_is_meant(operator: Operator, ages: tuple[int, int]) -> None:
    two = Account.of("one key"), Account.of("another key")
    for account, age_s in zip(two, ages, strict=True):
        key, made_ns = SecretKey(account.key), age_s * SECOND_NS
        operator.keys.add(Role.SUBMIT, key, Secret(PASSWORD), now_ns=made_ns, beside=True, scrypt_n=16)
    assert operator.run()[1]["roles"][0]["ours"] == two[ages.index(max(ages))].address


def test_without_a_terminal_and_without_yes_nothing_is_sent(operator: Operator) -> None:
    operator.keep("submit")
    operator.fund()
    code, _, err = operator.run("propose", "submit", *operator.cold("identity"))
    assert code == 4
    assert "--yes" in err
    assert operator.nonces()[0] == 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("propose", "delegation"), "--delegation ADDRESS"),
        (("propose", "--delegation", "0x12"), "40 hex digits"),
        (("propose", "nobody"), "is not one of"),
        (("withdraw",), "is not one of"),
    ],
)
def test_a_command_line_that_leaves_something_open_says_what(operator: Operator, args: Any, told: str) -> None:
    code, _, err = operator.run(*args)
    assert code == 2
    assert told in err


def test_a_hot_key_is_no_delegation_address(operator: Operator) -> None:
    operator.keep("submit")
    code, _, err = operator.run("propose", "--delegation", operator.entity.submit.address)
    assert code == 2
    assert "hot key" in err


class Only(NamedTuple):
    """The one contract that there is."""

    manager: Address

    def addresses(self, name: str) -> tuple[Address, ...]:
        return (self.manager,)


class LosesItsTongue(Pool):
    """Nodes that take transactions and tell their fate, and answer no call."""

    async def answers(self, question: Any, enough: int, *, alike: bool = False) -> dict[str, Any]:
        told = await super().answers(question, enough, alike=alike)
        return {} if any(isinstance(each, str) for each in told.values()) else told


@pytest.mark.parametrize(
    ("pool_of", "said"), [(Pool, "submit address not in registration queue"), (LosesItsTongue, None)]
)
async def test_what_the_contract_reverts_after_all_is_told_in_its_words_if_any_node_has_them(
    operator: Operator, pool_of: type[Pool], said: str | None
) -> None:
    """Between the look and the block somebody else may have been faster."""
    operator.fund()
    clock, who = SystemClock(), operator.entity
    manager = parse_address(operator.chain.deployment.places["EntityManager"])
    us, ours = parse_address(who.identity.address), parse_address(who.submit.address)
    proposed = RoleFacts(role=Role.SUBMIT, registered=us, ours=ours, confirmation=Tried(None))
    call = call_of(proposed, Act.CONFIRM, us, manager)
    assert call is not None
    node = Node("node1", Secret(operator.chain.anvil.rpc.url), CHAIN_ID, clock)
    network = local_network(Timing(0, 1), chain_id=CHAIN_ID, name="local")
    place = Place(chain_id=CHAIN_ID, contracts=Only(manager), monotonic_ns=clock.monotonic_ns)
    with Signer(SecretKey(who.submit.key), confirmation_policy(Role.SUBMIT, place, identity=us)) as signer:
        [sent] = await Hand(network, pool_of([node], clock), clock, ProviderRules()).send([call], {ours: signer})
    await node.close()
    assert sent.ending is not None
    assert (sent.ending.reason, sent.said) == (TRANSACTION_REVERTED, said)
