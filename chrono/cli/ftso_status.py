"""`chrono ftso status`: the provider as it stands, and why it is silent."""

from collections.abc import Sequence

from chrono.cli import frame
from chrono.cli import voting_words as words
from chrono.cli.budget_words import budget_lines
from chrono.cli.client import Client
from chrono.cli.ends import DEGRADED, FAILED, OK, Stop
from chrono.cli.provider_silence import explain_provider
from chrono.cli.silence import Silence
from chrono.cli.whereabouts import client_for

NOT_FOUND = 404
AWAY = 503
FUND_COLUMNS = ("role", "address", "balance", "lasts")
LOOKED_AT = 3
"""Newest rounds in which a miss is told."""


@frame.command("status", examples=["chrono ftso status", "chrono ftso status --json | jq .provider.budget"])
@frame.reading_options
def status(as_json: bool, url: str | None, key: str | None) -> int:
    """Show the provider: registered, weight, passes, budget of misses, balances, owed reveals, and what it waits for.

    Ends with 0 when all is as it should be, 3 when it runs but not so, 1 when no provider runs.
    """
    client = client_for(url, key)
    provider = provider_of(client)
    if provider is None:
        raise Stop("no provider runs here", then="chrono ftso check  (and [flare] seat in the settings)", code=FAILED)
    now = words.moment(client.get("/health", accept=(503,)).document.get("timestamp"))
    silences = explain_provider(provider, now, newest_rounds(client))
    if as_json:
        frame.give_json({"provider": provider, "silence": [silence.as_dict() for silence in silences]})
    else:
        _show(provider, silences)
    return OK if all(silence.normal for silence in silences) else DEGRADED


def provider_of(client: Client) -> words.Document | None:
    """What the server tells of its provider; None when none runs. Raises: Stop."""
    answer = client.get("/provider", accept=(NOT_FOUND,))
    return None if answer.status == NOT_FOUND else answer.document


def newest_rounds(client: Client) -> list[words.Document]:
    """The rounds that a status looks at, the newest first; none while nobody can tell them. Raises: Stop."""
    return words.rows_of(client.get("/rounds", accept=(AWAY,), limit=LOOKED_AT).document.get("data"))


def provider_lines(provider: words.Document) -> list[tuple[str, str]]:
    """The facts, by name; those that are not known say so."""
    registered = words.part_of(provider, "registered")
    weight = provider.get("weight_bips")
    current, following = _yes_no(registered.get("current")), _yes_no(registered.get("next"))
    return [
        ("network", f"{provider.get('network')}, {provider.get('mode')}"),
        ("identity", _known(provider.get("identity"))),
        ("round", f"{_known(provider.get('round'))}, phase {_known(provider.get('phase'))}"),
        ("reward epoch", _known(provider.get("reward_epoch"))),
        ("registered", f"{current}; for the next reward epoch: {following}"),
        ("weight", f"{weight / 100:.2f} %" if isinstance(weight, int) else "not known"),
        ("passes", _known(provider.get("passes"))),
        ("nodes", _nodes(provider)),
        *budget_lines(words.part_of(provider, "budget")),
    ]


def _show(provider: words.Document, silences: Sequence[Silence]) -> None:
    console = frame.console()
    console.print(frame.table(("", ""), provider_lines(provider)))
    balances = words.rows_of(provider.get("balances"))
    rows = [_balance(balance, provider.get("network")) for balance in balances]
    named = {row[0] for row in rows}
    rows += [[role, address, "", ""] for role, address in _addresses(provider) if role not in named]
    if rows:
        console.print()
        console.print(frame.table(FUND_COLUMNS, rows, right=FUND_COLUMNS[2:], spare=(("lasts",),)))
    console.print()
    for silence in silences:
        console.print(silence.line)


def _balance(balance: words.Document, network: object) -> list[str]:
    return [
        str(balance.get("role", "")),
        str(balance.get("address", "")),
        words.cost_text(balance.get("wei"), network),
        words.lasting_text(balance.get("runway_hours")),
    ]


def _addresses(provider: words.Document) -> list[tuple[str, str]]:
    return [(str(role), str(address)) for role, address in words.part_of(provider, "addresses").items()]


def _nodes(provider: words.Document) -> str:
    """Each node with its state, and why where it is not alive."""
    told = [
        f"{node.get('name')} {node.get('state')}" + (f" ({node['why']})" if node.get("why") else "")
        for node in words.rows_of(provider.get("nodes"))
    ]
    return ", ".join(told) or "not known"


def _yes_no(value: object) -> str:
    return {True: "yes", False: "NO"}.get(value, "not known") if isinstance(value, bool) else "not known"


def _known(value: object) -> str:
    return "not known" if value is None else str(value)
