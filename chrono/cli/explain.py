"""`chrono explain`: the whole way to one value, recomputed on this machine."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import rich_click as click

from chrono.cli import frame
from chrono.cli.client import Answer
from chrono.cli.ends import FAILED, OK, USAGE, Stop
from chrono.cli.price import age_text, asked_market
from chrono.cli.whereabouts import client_for
from chrono.errors import ChronoError

SOURCE_COLUMNS = (
    "venue", "book", "path", "age", "points", "estimate", "weight", "trust", "without", "verdict",
)  # fmt: skip
NUMBER_COLUMNS = ("age", "points", "estimate", "weight", "trust", "without")
_LONGEST_FLOAT = 12


class _Served(msgspec.Struct):
    """The document around a derivation, of which the derivation is left as it stands."""

    derivation: msgspec.Raw


class Proof(NamedTuple):
    """What this machine found: the digest of the document, whether it is the one told, whether it can be redone."""

    digest: str
    told: str | None
    redone: bool
    detail: str

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the value."""
        return self.redone and self.told in {None, self.digest}


@frame.command(
    "explain",
    examples=[
        "chrono explain BTC/USD",
        "chrono explain BTC/USD --at 2025-10-09T12:34:56Z",
        "chrono explain BTC/USD --round 812576 --json",
    ],
)
@click.argument("market")
@click.option("--at", "at", metavar="TIME", help="The value in force then: RFC 3339 UTC or epoch milliseconds.")
@click.option("--round", "round_id", type=click.IntRange(min=0), metavar="N", help="The value of this voting round.")
@frame.reading_options
def command(market: str, at: str | None, round_id: int | None, as_json: bool, url: str | None, key: str | None) -> int:
    """Show how the value of MARKET came about: inputs, weights, verdicts, estimators, vote, confidence, hash.

    "without" is how far the value would move, in bps, if the venue were not there; behind the verdict stands what else
    was found against it.

    The rule is run again here on the recorded inputs; ends with 1 when other bytes come out. With --json the
    derivation goes to stdout exactly as the server gave it, and the verdict on it to stderr.
    """
    if at is not None and round_id is not None:
        raise Stop("--at and --round name two times", then="chrono explain --help", code=USAGE)
    symbol = asked_market(market)
    answer = client_for(url, key).get("/aggregates/explain", symbol=symbol, round=round_id, timestamp=at)
    derivation = _derivation(answer)
    proof = prove(derivation, _told_digest(answer))
    if as_json:
        frame.give(answer.body.decode("utf-8", "replace"))
        frame.say(proof_text(proof))
    else:
        _show(_fields(answer), proof)
    return OK if proof.holds else FAILED


def prove(derivation: bytes, told: str | None) -> Proof:
    """Run the rule again on the inputs that `derivation` records, and compare every byte."""
    from chrono.pricing.derivation import digest, recompute

    found = digest(derivation)
    try:
        again = recompute(derivation)
    except ChronoError as error:
        return Proof(found, told, False, str(error))
    return Proof(found, told, again == derivation, "" if again == derivation else "other bytes come out")


def proof_text(proof: Proof) -> str:
    """The verdict in a line or two."""
    redone = "identical" if proof.redone else f"DIFFERENT ({proof.detail})"
    lines = [f"recomputed: {redone}", f"hash: {proof.digest}"]
    if proof.told not in {None, proof.digest}:
        lines.append(f"the server names another hash: {proof.told}")
    return "\n".join(lines)


def _fields(answer: Answer) -> Mapping[str, Any]:
    """The derivation as fields, whether it is served bare or inside a document."""
    inner = answer.document.get("derivation")
    return inner if isinstance(inner, dict) else answer.document


def _derivation(answer: Answer) -> bytes:
    """The bytes of the derivation just as they were served, bare or inside a document."""
    fields = _fields(answer)
    if "rule" not in fields or "sources" not in fields:
        raise Stop("the answer holds no derivation", then="chrono version  (is the server of this version?)")
    if fields is answer.document:
        return answer.body.strip()
    return bytes(msgspec.json.decode(answer.body, type=_Served).derivation)


def _told_digest(answer: Answer) -> str | None:
    """The hash that the server names beside the derivation; None for a bare one."""
    told = answer.document.get("hash")
    return told if isinstance(told, str) and _fields(answer) is not answer.document else None


def _show(fields: Mapping[str, Any], proof: Proof) -> None:
    console = frame.console()
    result = _table_of(fields, "result")
    console.print(f"{fields.get('market')} = {result.get('price')}  ({result.get('quality')})", style="bold")
    console.print(f"at {fields.get('at')}, by {fields.get('algorithm')}, chrono_core {fields.get('chrono_core')}\n")
    console.print(frame.table(SOURCE_COLUMNS, _source_rows(fields), right=NUMBER_COLUMNS))
    for title, rows in _notes(fields, result):
        console.print(f"\n{title}", style="bold")
        console.print(frame.table(("", ""), rows))
    console.print(f"\n{proof_text(proof)}")
    if result.get("reason"):
        frame.say(f"not voted with: {result['reason']}; next: chrono status")


def _notes(fields: Mapping[str, Any], result: Mapping[str, Any]) -> list[tuple[str, list[Sequence[str]]]]:
    """The tables below the sources: left out, conversions, estimators, vote and confidence; the empty ones not."""
    left_out = [
        (str(item.get("venue")), f"{item.get('reason')} {item.get('edge') or ''}".strip())
        for item in _rows_of(result.get("excluded"))
    ]
    edges = [(str(name), _edge(edge)) for name, edge in _table_of(fields, "edges").items() if isinstance(edge, dict)]
    learned = _table_of(fields, "learned")
    layer = f"model {str(learned['digest'])[:12]}, limit {_short(learned.get('limit'))}" if learned else "none"
    estimators = [(name, _short(value)) for name, value in _table_of(fields, "estimators").items()]
    parts = [(f"confidence: {name}", _short(value)) for name, value in _table_of(fields, "confidence").items()]
    vote = [("vote", _short(fields.get("vote"))), *parts]
    notes: list[tuple[str, list[Sequence[str]]]] = [
        ("left out", [*left_out]),
        ("conversions", [*edges]),
        ("estimators", [*estimators]),
        ("vote", [*vote]),
        ("learned layer", [("", layer)]),
    ]
    return [(title, rows) for title, rows in notes if rows]


def _edge(edge: Mapping[str, Any]) -> str:
    """A conversion in a line: its rate, who stands behind it, its age and error, and why it may not decide."""
    age_ns = edge.get("age_ns")
    parts = [f"{_short(edge.get('rate'))} by {', '.join(map(str, edge.get('sources') or []))}"]
    if isinstance(age_ns, int):
        parts.append(f"{age_text(age_ns / 1e6)} old")
    parts.append(f"error {_short(edge.get('spread_bps'))} bps")
    if edge.get("weakness"):
        parts.append(f"not firm: {edge['weakness']}")
    return "; ".join(parts)


def _source_rows(fields: Mapping[str, Any]) -> list[list[str]]:
    return [_source_row(source) for source in _rows_of(fields.get("sources"))]


def _source_row(source: Mapping[str, Any]) -> list[str]:
    age_ns = source.get("age_ns")
    points = source.get("points")
    prices = points.get("prices") if isinstance(points, dict) else None
    steps = [f"{'*' if s.get('multiply') else '/'} {s.get('edge')}" for s in _rows_of(source.get("path"))]
    return [
        str(source.get("venue", "")),
        str(source.get("book", "")),
        " ".join(steps) or "direct",
        age_text(age_ns / 1e6 if isinstance(age_ns, int) else None),
        str(len(prices)) if isinstance(prices, list) else "",
        _short(source.get("estimate")),
        _short(source.get("weight")),
        _short(source.get("trust")),
        _bps(source.get("without_bps")),
        _verdict(source),
    ]


def _bps(told: object) -> str:
    try:
        return f"{float(str(told)):+.2f}"
    except ValueError:
        return ""


def _verdict(source: Mapping[str, Any]) -> str:
    """The verdict, and in brackets what else was found."""
    flags = source.get("flags")
    verdict = str(source.get("verdict", ""))
    others = [str(flag) for flag in flags if flag != verdict] if isinstance(flags, list) else []
    return f"{verdict} ({', '.join(others)})" if others else verdict


def _short(value: object) -> str:
    """A float's exact text cut for the eye; the document itself keeps every digit."""
    text = "none" if value is None else str(value)
    try:
        return text if len(text) <= _LONGEST_FLOAT else f"{float(text):.10g}"
    except ValueError:
        return text


def _rows_of(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _table_of(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = fields.get(name)
    return found if isinstance(found, dict) else {}
