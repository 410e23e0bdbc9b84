"""`chrono db`: the schema of the database, brought to this version or checked."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import rich_click as click

from chrono.cli import frame
from chrono.cli.ends import FAILED, OK, Stop
from chrono.errors import DATA_DIR_BUSY, ChronoError
from chrono.settings import Settings
from chrono.store.migrate import SchemaState


@click.group("db", context_settings=frame.CONTEXT)
def command() -> None:
    """Bring the database to this version, or check it.

    `chrono run` and `chrono dev` do this by themselves at their start. The database is the one of database_url,
    else the embedded PostgreSQL in the data folder, which is started for it.
    """


@frame.command("upgrade", examples=["chrono db upgrade", "DATABASE_URL=postgresql:///chrono chrono db upgrade"])
@frame.shared_options
def upgrade() -> None:
    """Bring the schema to this version, in one transaction. Nothing happens when it is there already."""
    from chrono.store import migrate

    state = _on_database(frame.load().settings, migrate.upgrade)
    frame.give(f"the schema is at {state.version}")


@frame.command("check", examples=["chrono db check", "chrono db check --json"])
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@frame.shared_options
def check(as_json: bool) -> int:
    """Say whether the schema fits this version. Ends with 1 when it does not."""
    from chrono.store import migrate

    settings = frame.load().settings
    state = SchemaState(None, migrate.HEAD) if _not_made(settings) else _on_database(settings, migrate.check)
    if as_json:
        frame.give_json({"version": state.version, "head": state.head, "fits": state.fits})
    else:
        frame.give(f"the schema is at {state.version or 'nothing (an empty database)'}, this Chrono needs {state.head}")
    if not state.fits:
        frame.say("next: chrono db upgrade")
    return OK if state.fits else FAILED


for _part in (upgrade, check):
    command.add_command(_part)


def _not_made(settings: Settings) -> bool:
    """Whether the embedded database does not exist yet: a check must not make it."""
    from chrono.store.postgres import EmbeddedPostgres

    own = settings.store.database_url is None
    return own and not EmbeddedPostgres(Path(settings.data_dir)).made


def _on_database(settings: Settings, ask: Callable[[str], SchemaState]) -> SchemaState:
    """The answer of the configured database, or of the embedded one, started for it and stopped again."""
    import psycopg

    url = settings.store.database_url
    folder = Path(settings.data_dir)
    try:
        if url is not None:
            return ask(str(url))
        folder.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_on_embedded(folder, ask))
    except psycopg.Error as error:
        from chrono.settings.secrets import masked

        told = masked(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        raise Stop(f"the database does not answer as it should ({told})", then="chrono doctor") from error
    except OSError as error:
        told = f"the data folder {folder} cannot be used ({error.strerror})"
        raise Stop(told, then="chrono doctor") from error


async def _on_embedded(folder: Path, ask: Callable[[str], SchemaState]) -> SchemaState:
    from chrono.store.postgres import EmbeddedPostgres

    server = EmbeddedPostgres(folder)
    try:
        return await asyncio.to_thread(ask, await server.start())
    except ChronoError as error:
        if error.reason is not DATA_DIR_BUSY:
            raise
        told = f"a Chrono runs on {folder}; it brought its own schema to its version when it started"
        raise Stop(told, then="chrono status  (or stop it first)") from error
    finally:
        await server.stop()
