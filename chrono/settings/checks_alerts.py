"""What the settings of the alerts must be together: an address that cannot be read by others, nor lead inside."""

from collections.abc import Iterator

from chrono.settings.checks import Check, Finding, parts_of
from chrono.settings.model import Settings
from chrono.settings.secrets import masked_secret


def _receiver(settings: Settings) -> Iterator[Finding]:
    alerts = settings.alerts
    if alerts.url is None:
        if settings.flare.mode == "live" and settings.flare.seat != "none":
            yield Finding("alerts.url", "", "nobody is told when a reveal is in danger; name a receiver", advice=True)
        return
    plain = str(alerts.url)
    parts = parts_of(plain)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        yield Finding("alerts.url", masked_secret(plain), "expected https:// and a host")
    elif parts.username is not None:
        yield Finding("alerts.url", masked_secret(plain), "expected no user in it; give alerts.token")
    elif parts.scheme == "http" and not alerts.private_network:
        told = "expected https://; plain http:// is for a private network only (alerts.private_network)"
        yield Finding("alerts.url", masked_secret(plain), told)


ALERT_CHECKS = (Check(("alerts.url", "alerts.private_network"), _receiver),)
