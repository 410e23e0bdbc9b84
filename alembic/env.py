"""Runs the revisions in one transaction, so that a failure half-way leaves the schema as it was.

The connection comes from chrono.store.migrate; by hand, `alembic -x url=postgresql+psycopg://… upgrade head`.
"""

from sqlalchemy import Connection, create_engine, text

from alembic import context

ONE_AT_A_TIME = 0x4368726F6E6F  # "Chrono": the advisory lock that two starting instances share


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})"))
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).connect() as opened:
        migrate(opened)
