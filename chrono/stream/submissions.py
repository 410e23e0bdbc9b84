"""What became of a transaction of a voting round, as the hub sends it to those who asked for rounds."""

from typing import Any

from msgspec import structs

from chrono.stream.frames import Submission
from chrono.voting.reports import RoundReport, Sent


def submission_of(report: RoundReport, sent: Sent) -> dict[str, Any]:
    """What `Hub.publish_round` takes."""
    told = Submission(
        epoch=report.id,
        phase=sent.phase.value,
        status=sent.status.value,
        tx_hash="0x" + sent.tx_hash.hex(),
        gas_used=sent.gas_used,
        margin_ms=sent.margin_ms,
        reason=None if sent.reason is None else sent.reason.code,
    )
    return structs.asdict(told)
