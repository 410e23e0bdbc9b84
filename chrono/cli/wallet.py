"""`chrono wallet`: the keys of a provider, from the first one to the last day's balance."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import DEGRADED, FAILED, OK, Stop
from chrono.cli.wallet_secrets import given_key_text, given_password, guided, new_password
from chrono.cli.wallet_verify import verdict_of, verify_ledger
from chrono.clock import SystemClock
from chrono.errors import ChronoError
from chrono.flare.contracts.addresses import NETWORK_NAMES
from chrono.keys.roles import COLD, WITHOUT_ACCOUNT, Role
from chrono.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from chrono.keys.key_folder import KeyFolder
    from chrono.keys.keystore import Keystore
    from chrono.keys.secret_key import SecretKey

_ALL_NAMES: Final = [role.value for role in Role]

BACKUP_ADVICE: Final = """\
Now make a backup: copy the file to a second place, and keep its password in a third. Without both, the key is lost,
and with it what its account holds. Whoever has both can sign as you: if that may have happened, put a new key in its
place (`chrono wallet new ROLE --beside`, then `chrono ftso entity`).
Then look whether it works: chrono wallet verify"""


@click.group("wallet", context_settings=frame.CONTEXT)
def command() -> None:
    """Make, import, check and fund the keys that sign for a provider.

    Each duty has a key of its own, in an encrypted file below the data folder (keys/NETWORK/, mode 600). Identity and
    claims are not among them: keep these on a Ledger.

    A key is never an argument, a setting or a name in the environment. Its password comes from a prompt, or by
    --password from the Keychain of macOS, an open file descriptor, a file of mode 600, or the environment.
    """


def _options(function: "Callable[..., Any]") -> "Callable[..., Any]":
    """What every subcommand takes."""
    for option in (
        click.option(
            "--network",
            type=click.Choice((*NETWORK_NAMES, "local")),
            metavar="NETWORK",
            help="Whose keys: flare, songbird, coston, coston2 or local. [default: the settings' network]",
        ),
        click.option("--keys", metavar="FOLDER", help="Where the keystores are. [default: keys/NETWORK in data_dir]"),
        click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout."),
    ):
        function = option(function)
    return frame.shared_options(function)


_password_option = click.option(
    "--password",
    "reference",
    metavar="REFERENCE",
    help="keychain:SERVICE, fd:N, file:PATH or env:NAME. [default: ask]",
)

_beside_option = click.option(
    "--beside", is_flag=True, help="Keep it beside the present key of the role, until a reward epoch turns to it."
)


@frame.command(
    "new",
    examples=[
        "chrono wallet new submit --network coston2",
        "chrono wallet new submit --password keychain:chrono     # macOS",
        "chrono wallet new sortition --password file:/run/secrets/wallet",
        "chrono wallet new submit --beside                       # the next one, to turn to",
    ],
)
@click.argument("role", metavar="ROLE", type=click.Choice(_ALL_NAMES))
@_beside_option
@_password_option
@_options
def new(role: str, beside: bool, reference: str | None, network: str | None, keys: str | None, as_json: bool) -> int:
    """Make a fresh key for a role, and print its address.

    submit sends commits and reveals, submit_signatures sends signatures, signing_policy signs results and registers,
    sortition draws for fast updates, fast_update (three or more keys) sends them, executor claims rewards.
    """
    from chrono.keys.key_text import new_key

    folder, wanted = _folder(network, keys), Role(role)
    with guided("chrono wallet list"):
        folder.check_free(wanted, beside=beside)
        password = new_password(reference)
        with new_key(wanted) as key:
            return _keep(folder, wanted, key, password, beside=beside, as_json=as_json)


@frame.command(
    "import",
    examples=[
        "chrono wallet import submit                                  # asks, and shows nothing of what is typed",
        "chrono wallet import submit --password env:WALLET < key.txt",
        "chrono wallet import signing_policy --index 2                # third account of a mnemonic",
    ],
)
@click.argument("role", metavar="ROLE", type=click.Choice(_ALL_NAMES))
@click.option("--index", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Account of a mnemonic.")
@_beside_option
@_password_option
@_options
def import_(
    role: str,
    index: int,
    beside: bool,
    reference: str | None,
    network: str | None,
    keys: str | None,
    as_json: bool,
) -> int:
    """Keep a key that you have: a private key in hex, or a mnemonic of 12 to 24 words (path m/44'/60'/0'/0/INDEX).

    It is read from stdin; at a terminal it is asked for and not shown. What you import from a file still lies in that
    file: delete it.
    """
    from chrono.keys.key_text import read_key

    folder, wanted = _folder(network, keys), Role(role)
    with guided("chrono wallet import --help"):
        folder.check_free(wanted, beside=beside)
        text = given_key_text(reference)
        password = new_password(reference)
        with read_key(text, wanted, index=index) as key:
            return _keep(folder, wanted, key, password, beside=beside, as_json=as_json)


@frame.command(
    "list", examples=["chrono wallet list", "chrono wallet list --network flare --json | jq '.keys[].address'"]
)
@_options
def list_(network: str | None, keys: str | None, as_json: bool) -> int:
    """List the keys of a network. No password is needed; nothing is decrypted.

    Ends with 1 when a file is unsound: damaged, of another program or network, or open to others.
    """
    folder = _folder(network, keys)
    found, unsound = [], []
    with guided("chrono wallet list --help"):
        for path, each in folder.survey():
            if isinstance(each, ChronoError):
                unsound.append({"file": str(path), "reason": each.reason.code, "told": str(each)})
            else:
                found.append(_told(each))
    found.sort(key=lambda each: _ALL_NAMES.index(each["role"]))
    if as_json:
        frame.give_json({"network": folder.network, "folder": str(folder.path), "keys": found, "unsound": unsound})
    else:
        rows = [
            (each["role"], each["address"] or _short(each["public"]), each["created"], each["file"]) for each in found
        ]
        frame.console().print(
            frame.table(("role", "address", "created", "file"), rows, spare=(("file",), ("created",)))
        )
        for fault in unsound:
            frame.say(f"chrono: {fault['told']}")
        if not found and not unsound:
            frame.say(
                f"no keys for {folder.network} yet; make one: chrono wallet new submit --network {folder.network}"
            )
    return FAILED if unsound else OK


@frame.command(
    "verify",
    examples=[
        "chrono wallet verify                             # every key; asks for the password",
        "chrono wallet verify submit --password env:WALLET",
        "chrono wallet verify identity                    # a Ledger: look at it, and press",
    ],
)
@click.argument("role", metavar="[ROLE]", required=False, type=click.Choice(_ALL_NAMES))
@click.option("--path", default="44'/60'/0'/0/0", show_default=True, help="The account of a Ledger.")
@_password_option
@_options
def verify(
    role: str | None, path: str, reference: str | None, network: str | None, keys: str | None, as_json: bool
) -> int:
    """Open keys and sign a test with each; the signature must lead back to its address. Nothing is sent.

    Ends with 1 when a key does not open or does not sign.
    """
    if role is not None and Role(role) in COLD:
        with guided("chrono wallet verify --help"):
            return verify_ledger(Role(role), path, as_json=as_json)
    folder = _folder(network, keys)
    with guided("chrono wallet list"):
        wanted = folder.of(Role(role)) if role else folder.keystores()
    if not wanted:
        raise Stop(f"no keys for {folder.network} in {folder.path}", then="chrono wallet new --help")
    with guided("chrono wallet verify --help"):
        password = given_password(reference, "Password")
    checked = [{**_told(each), **verdict_of(each, password)} for each in wanted]
    if as_json:
        frame.give_json(
            {"network": folder.network, "verified": all(each["sound"] for each in checked), "keys": checked}
        )
    else:
        rows = [
            ("ok" if each["sound"] else "FAILED", each["role"], each["address"] or "", each["told"]) for each in checked
        ]
        frame.console().print(frame.table(("", "role", "address", ""), rows))
    return OK if all(each["sound"] for each in checked) else FAILED


@frame.command(
    "fund-check",
    examples=[
        "chrono wallet fund-check --rpc https://NODE/ext/bc/C/rpc",
        "chrono wallet fund-check --network flare --rpc env:NODE_URL --json",
    ],
)
@click.option(
    "--rpc", required=True, metavar="URL", help="A node of the network; env:NAME or file:PATH where it holds a key."
)
@_options
def fund_check(rpc: str, network: str | None, keys: str | None, as_json: bool) -> int:
    """Say what each account holds, what it needs, and how long it lasts.

    A node takes a transaction only when gas limit x fee cap lies in the account, although far less is paid and most
    of that is refunded: this is `upfront`. `a day` is what the role costs about. Ends with 3 when an account cannot
    send, or lasts less than three days.
    """
    from chrono.cli.wallet_funds import check_funds, give_funds, given_url, network_with_prices

    folder = _folder(network, keys)
    with guided("chrono wallet fund-check --help"):
        funds = check_funds(folder.keystores(), network_with_prices(folder.network), given_url(rpc))
    give_funds(funds, as_json=as_json)
    return OK if funds.sound else DEGRADED


for _each in (new, import_, list_, verify, fund_check):
    command.add_command(_each)


def _folder(network: str | None, keys: str | None) -> "KeyFolder":
    from chrono.keys.key_folder import KeyFolder

    settings = frame.load().settings
    chosen = network or settings.network
    return KeyFolder(Path(keys), chosen) if keys else KeyFolder.below(settings.data_dir, chosen)


def _keep(folder: "KeyFolder", role: Role, key: "SecretKey", password: Secret, *, beside: bool, as_json: bool) -> int:
    kept = folder.add(role, key, password, now_ns=SystemClock().now_ns(), beside=beside)
    if as_json:
        frame.give_json({"network": folder.network, **_told(kept)})
    else:
        frame.give(kept.public)
        frame.say(f"{role} of {folder.network}, in {frame.home_path(kept.path)}")
        frame.say(BACKUP_ADVICE)
    return OK


def _told(keystore: "Keystore") -> dict[str, Any]:
    address = None if keystore.role in WITHOUT_ACCOUNT else keystore.public
    return {
        "role": keystore.role.value,
        "address": address,
        "public": keystore.public,
        "created": keystore.created,
        "file": str(keystore.path),
    }


def _short(public: str) -> str:
    return f"point {public[:10]}…{public[-8:]}"
