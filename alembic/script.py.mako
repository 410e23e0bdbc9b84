"""${message}

Revision: ${up_revision}, after ${down_revision | comma,n}.
Expand first, contract in a later release: the Chrono before this one must still work on the new schema.
"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("")


def downgrade() -> None:
    op.execute("")
