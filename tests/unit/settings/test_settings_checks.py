"""Settings that contradict one another, or would leave a door open."""

from pathlib import Path

import pytest

from chrono.settings import SettingsError, load_settings

LONG = "x" * 30


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nobody"))


def faults(**environ: str) -> list[tuple[str, str]]:
    """Key and expectation of each fault; empty when the settings are accepted."""
    try:
        load_settings(None, environ)
    except SettingsError as error:
        return [(fault.key, fault.expected) for fault in error.faults if not fault.advice]
    return []


def advice(**environ: str) -> list[str]:
    return [fault.expected for fault in load_settings(None, environ).advice]


def test_two_doors_cannot_share_a_port() -> None:
    assert faults(PORT="3002") == [("server.stream_port", "expected another port than that of server.port")]
    assert [key for key, _ in faults(CHRONO__SERVER__VALUE_PROVIDER_PORT="3000")] == ["server.value_provider_port"]
    assert faults(PORT="0", CHRONO__SERVER__STREAM_PORT="0") == []


def test_a_port_clash_is_told_where_the_port_was_set() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, {"PORT": "3002"})
    assert raised.value.faults[0].where == "env PORT"


def test_a_faulty_port_does_not_also_clash() -> None:
    assert [key for key, _ in faults(PORT="x", CHRONO__SERVER__STREAM_PORT="3000")] == ["server.port"]


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("INTERNAL_API_KEYS", "chrono_internal_", "chrono_public_"),
        ("PUBLIC_API_KEYS", "chrono_public_", "chrono_admin_"),
        ("CHRONO__API__PAID_KEYS", "chrono_public_", "chrono_internal_"),
        ("ADMIN_API_KEYS", "chrono_admin_", "admin_"),
    ],
)
def test_a_key_shows_its_class_by_its_prefix(name: str, right: str, wrong: str) -> None:
    assert faults(**{name: right + LONG}) == []
    assert faults(**{name: wrong + LONG})[0][1] == f"expected a key that begins with {right}"


@pytest.mark.parametrize("rest", ["", "short", "with space", "ünïcode-key", "seven77"])
def test_a_key_that_is_short_or_odd_is_refused(rest: str) -> None:
    (found,) = faults(ADMIN_API_KEYS=f"chrono_admin_{rest}")
    assert "at least 8" in found[1]


def test_a_key_that_could_be_guessed_draws_advice() -> None:
    (told,) = advice(PUBLIC_API_KEYS="chrono_public_12345678")
    assert "can be guessed" in told
    assert advice(PUBLIC_API_KEYS=f"chrono_public_{LONG}") == []


def test_one_key_cannot_be_listed_twice() -> None:
    key = f"chrono_public_{LONG}"
    assert faults(PUBLIC_API_KEYS=key, CHRONO__API__PAID_KEYS=key) == [("api.paid_keys[0]", "this key is listed twice")]


@pytest.mark.parametrize(
    "url",
    ["redis://redis.example.com:6379/0", "rediss://10.0.0.5", "redis://user@10.0.0.5", "redis://[2001:db8::1]:6379"],
)
def test_redis_beyond_this_machine_needs_a_password(url: str) -> None:
    (found,) = faults(REDIS_URL=url)
    assert "needs a password" in found[1]


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "redis://localhost:6379/1",
        "redis://[::1]:6379",
        "unix:///run/redis.sock",
        "rediss://:pw@far.example",
    ],
)
def test_redis_here_or_with_a_password_is_accepted(url: str) -> None:
    assert faults(REDIS_URL=url) == []


def test_a_redis_password_in_clear_on_the_network_draws_advice() -> None:
    assert "in clear" in advice(REDIS_URL="redis://:pw@10.0.0.5")[0]


@pytest.mark.parametrize("url", ["memory://", "localhost:6379", "redis://h:port", "redis://[::1"])
def test_what_is_no_redis_address_is_refused(url: str) -> None:
    assert [key for key, _ in faults(REDIS_URL=url)] == ["redis.url"]


@pytest.mark.parametrize(
    "url", ["mysql://localhost/x", "postgresql+asyncpg://localhost/x", "host=localhost", "postgresql://h:x/d"]
)
def test_what_is_no_postgresql_address_is_refused(url: str) -> None:
    assert [key for key, _ in faults(DATABASE_URL=url)] == ["store.database_url"]


@pytest.mark.parametrize("url", ["postgresql://u:p@db.example.com/x", "postgresql://u:p@10.1.2.3/x?sslmode=require"])
def test_a_far_postgresql_that_is_not_verified_draws_advice(url: str) -> None:
    assert "sslmode=verify-full" in advice(DATABASE_URL=url)[0]


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:p@db.example.com/x?sslmode=verify-full", "postgres://localhost/x", "postgresql:///x?host=/run/pg"],
)
def test_a_near_or_verified_postgresql_draws_none(url: str) -> None:
    assert advice(DATABASE_URL=url) == []


@pytest.mark.parametrize("name", ["RATE_LIMIT_INTERNAL", "RATE_LIMIT_PUBLIC_FREE", "CHRONO__API__RATE_LIMIT_ADDRESS"])
@pytest.mark.parametrize("text", ["0", "-5", "1.5", "many"])
def test_a_rate_limit_is_a_whole_number_above_zero(name: str, text: str) -> None:
    assert len(faults(**{name: text})) == 1


def test_a_domain_is_a_host_name() -> None:
    assert faults(CHRONO__SERVER__DOMAIN="example.com") == []
    assert len(faults(CHRONO__SERVER__DOMAIN="https://example.com")) == 1


def test_a_host_limit_is_above_zero_and_for_a_host() -> None:
    assert len(faults(CHRONO__API__HOST_LIMITS="a.example=0")) == 1
    assert len(faults(CHRONO__API__HOST_LIMITS='{"not a host": 3}')) == 1


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_nobody_trusts_everybodys_forwarded_addresses(network: str) -> None:
    assert "believes X-Forwarded-For" in faults(CHRONO__SERVER__TRUSTED_PROXIES=network)[0][1]
    assert "opens the Flare seams" in advice(CHRONO__SERVER__SEAM_NETWORKS=network)[0]


def test_what_is_no_network_is_refused() -> None:
    assert len(faults(CHRONO__SERVER__TRUSTED_PROXIES="10.0.0.0/8, caddy, 10.0.0.0/99")) == 2


@pytest.mark.parametrize("origin", ["https://app.example.com", "http://localhost:5173", "*"])
def test_origins_are_accepted(origin: str) -> None:
    assert faults(CHRONO__SERVER__CORS_ORIGINS=origin, CHRONO__STREAM__ORIGINS=origin) == []


@pytest.mark.parametrize(
    "origin", ["app.example.com", "https://app.example.com/", "ftp://x", "https://", "null", "http://[::1"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    assert len(faults(CHRONO__STREAM__ORIGINS=origin)) == 1


@pytest.mark.parametrize("edge", ["usdt/usd", "USDT-USD", "USDT", "USD/USD", "USDT/USD/EUR"])
def test_an_edge_is_a_market(edge: str) -> None:
    assert len(faults(CHRONO__PRICING__EDGES=f"BTC/USD,{edge}")) == 1


def test_an_edge_stands_once() -> None:
    assert faults(CHRONO__PRICING__EDGES="BTC/USD,BTC/USD") == [("pricing.edges[1]", "this edge is listed twice")]


def test_signing_cannot_be_required_of_nobody() -> None:
    assert [key for key, _ in faults(CHRONO__INGEST__SIGNING_REQUIRED="true")] == ["ingest.signing_required"]
    workers = '{"Worker 1": "env:S"}'
    assert [key for key, _ in faults(CHRONO__INGEST__SECRETS=workers, S="x")] == ["ingest.secrets"]


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://x/", "http://", "http://[::1"])
def test_spans_go_to_an_http_address(url: str) -> None:
    assert len(faults(CHRONO__TELEMETRY__OTLP_ENDPOINT=url)) == 1


@pytest.mark.parametrize("host", ["", "a b", "http://x", "-x", "x" * 300])
def test_a_host_is_an_address_or_a_name(host: str) -> None:
    found = faults(CHRONO__SERVER__HOST=host)
    assert found == [] if host == "" else len(found) == 1


@pytest.mark.parametrize("text", ["elsewhere=7", "Flare=7", "flare=-1", "flare=soon", "flare=16777216", "417"])
def test_fip16_begins_with_a_reward_epoch_of_a_network_that_exists(text: str) -> None:
    key = "flare.fip16_activation_reward_epoch"
    assert {fault[0].split(".flare")[0] for fault in faults(CHRONO__FLARE__FIP16_ACTIVATION_REWARD_EPOCH=text)} == {key}
    assert faults(CHRONO__FLARE__FIP16_ACTIVATION_REWARD_EPOCH="flare=417,coston2=0") == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://hooks.example/abc", None),
        ("http://hooks.example/abc", "private network"),
        ("hooks.example", "https://"),
        ("ftp://hooks.example", "https://"),
        ("https://", "https://"),
        ("https://me:secret@hooks.example/abc", "alerts.token"),
    ],
)
def test_alerts_go_to_an_address_that_nobody_reads_along(url: str, told: str | None) -> None:
    found = [expected for key, expected in faults(CHRONO__ALERTS__URL=url) if key == "alerts.url"]
    assert (told is None) is (found == [])
    if told is not None:
        assert told in found[0]
    assert faults(CHRONO__ALERTS__URL="http://10.0.0.7/hook", CHRONO__ALERTS__PRIVATE_NETWORK="true") == []
