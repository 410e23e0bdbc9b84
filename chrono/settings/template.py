"""The settings as a file to start from, and as a schema for editors: both are written from the Structs."""

import json
from textwrap import wrap
from typing import Any

import msgspec

from chrono.settings.catalogue import Setting, catalogue, sections
from chrono.settings.convert import expectation
from chrono.settings.kinds import Secret
from chrono.settings.model import Settings

_WIDTH = 100
_HEAD = """\
# The settings of Chrono. Every line that begins with `# name =` shows the default: take the `# ` away to change it.
# The environment wins over this file (CHRONO__SERVER__PORT=3000), and flags win over the environment.
# Secrets are references: "env:NAME" or "file:PATH" (mode 600). A raw private key in here is refused.
# See `chrono config show` for what is in force and why, `chrono config check` for faults,
# and `chrono config schema > chrono.schema.json` for completion in an editor.
"""
_EXAMPLES = {
    "store.database_url": '"env:DATABASE_URL"',
    "venues.ethereum_rpc": '"env:ETHEREUM_RPC"',
    "redis.url": '"env:REDIS_URL"',
    "api.internal_keys": '["env:INTERNAL_API_KEYS"]',
    "api.public_keys": '["env:PUBLIC_API_KEYS"]',
    "api.paid_keys": '["file:keys/paid"]',
    "api.admin_keys": '["env:ADMIN_API_KEYS"]',
    "ingest.secrets": '{ "binance-worker-001" = "file:keys/binance-worker-001" }',
    "server.domain": '"example.com"',
    "server.data_provider_port": "3100",
    "flare.identity": '"0x…"',
    "flare.nodes": '["env:FLARE_NODE_1", "env:FLARE_NODE_2", "env:FLARE_NODE_3"]',
    "flare.node_sockets": '["env:FLARE_SOCKET_1"]',
    "flare.registry": '"0x…"',
    "flare.deployment": '"deploy.json"',
    "flare.password": '"keychain:chrono"',
    "flare.fdc_url": '"http://127.0.0.1:8080/fsp"',
    "flare.fdc_key": '"env:FDC_KEY"',
    "flare.data_provider_key": '"env:DATA_PROVIDER_KEY"',
    "flare.reward_data": '"/var/lib/chrono/rewards"',
    "flare.fip16_activation_reward_epoch": '{ "coston2" = 9999 }',
    "api.host_limits": '{ "gateway.example.com" = 30 }',
    "server.value_provider_port": "3101",
    "alerts.url": '"env:ALERT_URL"',
    "alerts.token": '"env:ALERT_TOKEN"',
    "telemetry.otlp_endpoint": '"http://127.0.0.1:4318/v1/traces"',
    "data_dir": '"/var/lib/chrono"',
}
"""What to write where the default is nothing."""


def template() -> str:
    """A `chrono.toml` in which every setting stands, explained and at its default."""
    parts = [_HEAD]
    parts += [_lines(setting) for setting in catalogue().values() if not setting.section]
    for section in sections().values():
        inside = [_lines(setting) for setting in catalogue().values() if setting.section == section.name]
        head = "\n".join(f"# {line}" for line in wrap(section.description, _WIDTH))
        parts.append(f"{head}\n[{section.name}]\n" + "".join(inside))
    return "\n".join(parts)


def schema() -> bytes:
    """The JSON Schema of `chrono.toml`, for editors."""
    made = msgspec.json.schema(Settings, schema_hook=_secret_schema)
    return msgspec.json.format(msgspec.json.encode(made))


def in_toml(value: object) -> str:
    """A default as TOML spells it; empty for what has no default."""
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(in_toml(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _lines(setting: Setting) -> str:
    names = " or ".join(name for name in (setting.env, setting.flat) if name)
    told = f"{setting.description} ({expectation(setting.kind)}; {names})"
    shown = _EXAMPLES.get(setting.key) or in_toml(setting.default)
    return "\n".join(f"# {line}" for line in wrap(told, _WIDTH)) + f"\n# {setting.name} = {shown}\n"


def _secret_schema(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "description": "a secret, or where it lies: env:NAME or file:PATH"}
    raise NotImplementedError
