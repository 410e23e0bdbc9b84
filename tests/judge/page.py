"""The judgement as tables for a person, or as JSON."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.judge.chain import Chain
from tests.judge.costs import WEI, Act, Spread, acts, margin_s, spread, waited_s
from tests.judge.epochs import Epochs
from tests.judge.judgement import Judgement

KINDS = ("commit", "reveal", "signature", "finalisation")


def document(chain: Chain, told: Judgement, fip16_from: int | None, usd: Decimal | None) -> dict[str, Any]:
    """Everything as plain JSON values; money as decimal strings."""
    everything = acts(chain, Epochs(chain, fip16_from))
    return {
        "rounds": len(told.verdicts),
        "finalised": len(told.finalised),
        "reward_epochs": sorted({verdict.reward_epoch for verdict in told.verdicts}),
        "fip16_rounds": sum(verdict.fip16 for verdict in told.verdicts),
        "feeds": sorted({verdict.feeds for verdict in told.verdicts}),
        "faults": [
            {"round": verdict.round_id, "reward_epoch": verdict.reward_epoch, "fault": verdict.fault}
            for verdict in told.faults
        ],
        "offences": {_hex(identity): dict(counts) for identity, counts in told.offences.items()},
        "flr_usd": None if usd is None else str(usd),
        "voters": {
            _hex(identity): voter(chain, told, everything, identity, usd)
            for identity in sorted({identity for _, identity in told.conduct})
        },
    }


def voter(
    chain: Chain, told: Judgement, everything: Sequence[Act], identity: bytes, usd: Decimal | None
) -> dict[str, Any]:
    rows = [one for _, one in told.of(identity)]
    own = [act for act in everything if act.identity == identity]
    rounds = {act.round_id for act in own}
    found: dict[str, Any] = {
        "rounds": len(rows),
        "committed": sum(one.committed for one in rows),
        "revealed": sum(one.revealed for one in rows),
        "signed": sum(one.signed for one in rows),
        "finalised_first": sum(act.transaction.good for act in own if act.kind == "finalisation"),
        "unrevealed": [round_id for round_id, one in told.of(identity) if one.reveal_offence],
        "offences": sum(len(one.offences) for one in rows),
        "usd_per_round": _per(usd, sum(act.paid_wei for act in own), len(rounds)),
        "usd_per_round_subsidised": _per(usd, sum(act.subsidised_wei for act in own), len(rounds)),
    }
    for kind in KINDS:
        found[kind] = _kind(chain, [act for act in own if act.kind == kind], usd)
    return found


def _kind(chain: Chain, told: Sequence[Act], usd: Decimal | None) -> dict[str, Any]:
    return {
        "count": len(told),
        "reverted": sum(not act.transaction.good for act in told),
        "gas": _spread(spread(act.transaction.gas_used for act in told)),
        "usd": _per(usd, sum(act.paid_wei for act in told), len(told)),
        "usd_subsidised": _per(usd, sum(act.subsidised_wei for act in told), len(told)),
        "margin_s": _spread(spread(margin_s(act, chain.calendar) for act in told)),
        "waited_s": _spread(spread(waited_s(chain, told))),
    }


def lines(told: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """The document as a page."""
    page = [
        f"rounds {told['rounds']}, finalised {told['finalised']}, with fault {len(told['faults'])},"
        f" reward epochs {_range(told['reward_epochs'])}, feeds {_range(told['feeds'])},"
        f" by FIP.16 {told['fip16_rounds']}, FLR/USD {told['flr_usd'] or '-'}"
    ]
    page += [
        f"  round {each['round']} (reward epoch {each['reward_epoch']}): {each['fault']}" for each in told["faults"]
    ]
    page += [f"  offences of {names.get(one, one)}: {counts}" for one, counts in told["offences"].items()]
    page += ["", "| voter | rounds | commits | reveals | signed | finalised | offences | USD/round | with subsidy |"]
    page.append("|---|---|---|---|---|---|---|---|---|")
    page += [_voter_line(names.get(one, one), row) for one, row in told["voters"].items()]
    page += [
        "",
        "| voter | what | count | gas | USD | with subsidy | waited P50 / P95 / most, s | margin least / P50, s |",
    ]
    page.append("|---|---|---|---|---|---|---|---|")
    page += [
        _kind_line(names.get(one, one), kind, row[kind])
        for one, row in told["voters"].items()
        for kind in KINDS
        if row[kind]["count"]
    ]
    return page


def _voter_line(name: str, row: Mapping[str, Any]) -> str:
    keys = ("rounds", "committed", "revealed", "signed", "finalised_first", "offences")
    cells = [name, *(str(row[key]) for key in keys), row["usd_per_round"], row["usd_per_round_subsidised"]]
    return "| " + " | ".join(str(cell or "-") for cell in cells) + " |"


def _kind_line(name: str, kind: str, row: Mapping[str, Any]) -> str:
    waited, margin = row["waited_s"], row["margin_s"]
    cells = [
        name,
        kind,
        row["count"],
        f"{row['gas']['median']:.0f}",
        row["usd"] or "-",
        row["usd_subsidised"] or "-",
        f"{waited['median']:.2f} / {waited['p95']:.2f} / {waited['most']:.2f}" if waited else "-",
        f"{margin['least']:.0f} / {margin['median']:.0f}",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _per(usd: Decimal | None, wei: int, count: int) -> str | None:
    """USD of one of `count`; None where nothing is to be said."""
    if usd is None or not count:
        return None
    return f"{Decimal(wei) / WEI * usd / count:.6f}"


def _spread(told: Spread | None) -> dict[str, float] | None:
    return None if told is None else vars(told)


def _range(row: Sequence[int]) -> str:
    if not row:
        return "-"
    return str(row[0]) if len(row) == 1 else f"{row[0]}-{row[-1]}"


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
