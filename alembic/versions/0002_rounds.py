"""Voting rounds: what the network found, what we sent, and how our values stood beside the network's.

One transaction carries all feeds, so values stand by round and feed. Rows are written behind the duty, and may be told
again: the key of each table is what the row is about. Hashes, addresses and feed ids are lower-case hex with 0x.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = 'text COLLATE "C"'  # names are ASCII; comparing bytes is faster than comparing words

TABLES = f"""
CREATE TABLE ftso_rounds (
  network {NAME} NOT NULL,
  round bigint NOT NULL,
  reward_epoch bigint,
  mode {NAME} NOT NULL,
  phase {NAME} NOT NULL,
  submit_address {NAME},
  reason {NAME},
  secure_random boolean,
  random {NAME},
  merkle_root {NAME},
  feeds integer,
  omitted integer,
  in_iqr integer,
  in_band integer,
  hits integer,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (network, round)
);
COMMENT ON COLUMN ftso_rounds.hits IS 'our values within 0.5 % of the median, as the anchor condition counts them';

CREATE TABLE ftso_submissions (
  network {NAME} NOT NULL,
  round bigint NOT NULL,
  phase {NAME} NOT NULL,
  tx_hash {NAME} NOT NULL,
  intent {NAME} NOT NULL,
  status {NAME} NOT NULL,
  attempts integer NOT NULL,
  gas_used bigint,
  fee_wei numeric,
  block_number bigint,
  submitted_at timestamptz NOT NULL,
  confirmed_at timestamptz,
  margin_ms bigint,
  reason {NAME},
  PRIMARY KEY (network, round, phase, tx_hash)
);
COMMENT ON COLUMN ftso_submissions.intent IS
  'the duty; it has one row, with the hash of its mined transaction, or of the newest attempt until there is one';

CREATE TABLE ftso_submission_values (
  network {NAME} NOT NULL,
  round bigint NOT NULL,
  feed_id {NAME} NOT NULL,
  place integer NOT NULL,
  decimals integer NOT NULL,
  value bigint,
  median bigint,
  q1 bigint,
  q3 bigint,
  participating_weight numeric,
  turnout_bips integer,
  secondary_band_ppm bigint,
  PRIMARY KEY (network, round, feed_id)
);
COMMENT ON TABLE ftso_submission_values IS
  'integers of 10**-decimals; value is null where we had none, median where nobody voted, turnout without a result';
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    for table in ("ftso_rounds", "ftso_submissions", "ftso_submission_values"):
        op.execute(f"DROP TABLE {table}")
