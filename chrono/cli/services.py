"""What `chrono doctor` checks of PostgreSQL and Redis: there, new enough, closed to strangers."""

import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from chrono.cli.findings import Finding, failed, passed, warned
from chrono.errors import ChronoError
from chrono.settings import Settings
from chrono.settings.checks import is_loopback
from chrono.settings.secrets import masked

PATIENCE_S = 3


def check_database(settings: Settings) -> Iterator[Finding]:
    """The configured PostgreSQL, or whether the embedded one can run here."""
    url = settings.store.database_url
    yield from _external(str(url)) if url is not None else _embedded(Path(settings.data_dir))


def check_redis(settings: Settings) -> Iterator[Finding]:
    """Redis, when it is configured: whether it answers, and whether it wants a password."""
    if settings.redis.url is None:
        yield passed("redis", "not configured; memory serves")
        return
    from urllib.parse import urlsplit

    import redis

    url = str(settings.redis.url)
    try:
        with redis.Redis.from_url(url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S) as client:
            version = client.info("server").get("redis_version", "unknown")
    except (redis.exceptions.RedisError, OSError, ValueError) as error:
        told = masked(f"{type(error).__name__}: {error}")
        yield failed("redis", f"{masked(url)} does not answer ({told})", "check REDIS_URL and its password")
        return
    asks = _asks_for_password(url)
    if asks or is_loopback(urlsplit(url).hostname):
        yield passed("redis", f"version {version}{', with a password' if asks else ', on this machine'}")
    else:
        yield failed("redis", f"version {version} lets in anybody without a password", "set requirepass there")


def _asks_for_password(url: str) -> bool:
    """Whether this Redis refuses a client that shows none."""
    from urllib.parse import urlsplit, urlunsplit

    import redis

    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    try:
        with redis.Redis.from_url(bare, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S) as client:
            client.ping()
    except redis.exceptions.AuthenticationError:
        return True
    except redis.exceptions.RedisError:
        return False
    return False


def _external(url: str) -> Iterator[Finding]:
    import psycopg

    from chrono.store.database import OLDEST_SERVER
    from chrono.store.migrate import HEAD, check

    try:
        with psycopg.connect(url, connect_timeout=PATIENCE_S) as connection:
            version, encrypted = connection.info.server_version, connection.pgconn.ssl_in_use
            host = connection.info.host
        state = check(url)
    except psycopg.Error as error:
        told = masked((str(error).strip() or type(error).__name__).splitlines()[0])
        yield failed("postgresql", f"{masked(url)} does not answer ({told})", "check DATABASE_URL and the server")
        return
    told = f"version {version // 10_000}{'' if is_loopback(host) else ', encrypted' if encrypted else ''}"
    if version < OLDEST_SERVER:
        yield failed("postgresql", told, f"PostgreSQL {OLDEST_SERVER // 10_000} or newer is needed")
    elif not encrypted and not is_loopback(host):
        yield warned("postgresql", f"{told}, not encrypted", "add ?sslmode=verify-full to DATABASE_URL")
    else:
        yield passed("postgresql", told)
    if state.fits or state.version is None:
        yield passed("schema", state.version or "an empty database; it is set up at the first start")
    else:
        yield warned("schema", f"at {state.version}, this Chrono needs {HEAD}", "run `chrono db upgrade`")


def _embedded(data_dir: Path) -> Iterator[Finding]:
    from chrono.store.postgres.install import CLUSTER_VERSION, WHEEL, choose_account, reachable

    spec = find_spec(WHEEL)
    package = Path(spec.origin).parent if spec and spec.origin else None
    if package is None or not (package / f"pginstall{CLUSTER_VERSION}" / "bin" / "postgres").is_file():
        told = "the PostgreSQL that comes with Chrono is not installed"
        yield failed("postgresql", told, "run `make setup`, or set DATABASE_URL")
        return
    try:
        account = choose_account()
    except ChronoError as error:
        remedy = "make a user (`useradd --system postgres`), run Chrono as another user, or set DATABASE_URL"
        yield failed("postgresql", str(error), remedy)
        return
    standing = next((above for above in (data_dir, *data_dir.parents) if above.is_dir()), Path("/"))
    if not reachable(account, standing):
        remedy = f"choose a data_dir that {account.name} can enter, such as /var/lib/chrono"
        yield failed("postgresql", f"user {account.name}, who runs it, cannot enter {standing}", remedy)
        return
    as_whom = f", as user {account.name}, since root may not" if account.foreign else ""
    yield passed("postgresql", f"embedded, version {CLUSTER_VERSION}{as_whom}")
    yield _socket_path(data_dir)


def _socket_path(data_dir: Path) -> Finding:
    """The systems allow only short socket paths; for a long one the server takes a folder of its own in /tmp."""
    from chrono.store.postgres.server import SOCKET_PATH_BYTES

    length = SOCKET_PATH_BYTES + 1
    with suppress(ValueError):
        length = len(os.fsencode(data_dir / "postgres" / "socket" / ".s.PGSQL.5432"))
    if length <= SOCKET_PATH_BYTES:
        return passed("socket path", f"{length} of {SOCKET_PATH_BYTES} bytes")
    return passed("socket path", f"{length} bytes are too long for a socket, so it lies in the temporary folder")
