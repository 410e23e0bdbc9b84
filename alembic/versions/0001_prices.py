"""Prices: raw quotes and trades, candles rolled up from them, and our consensus.

Keys lead with the symbol and the time, so that one index serves as the key and for reads. The parents are
range-partitioned by time, which a TimescaleDB hypertable could take over: the time is part of every key.
Numbers are NUMERIC without a scale: what was said is kept digit by digit.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NAME = 'text COLLATE "C"'  # names are ASCII; comparing bytes is faster than comparing words

CANDLES = ("1m", "5m", "15m", "1h", "4h", "1d")

TABLES = f"""
CREATE TABLE price_feeds (
  symbol {NAME} NOT NULL,
  "timestamp" timestamptz NOT NULL,
  source {NAME} NOT NULL,
  price numeric NOT NULL,
  volume numeric,
  ingested_at timestamptz NOT NULL,
  worker_id text NOT NULL,
  metadata jsonb,
  PRIMARY KEY (symbol, "timestamp", source)
) PARTITION BY RANGE ("timestamp");

CREATE TABLE trades (
  symbol {NAME} NOT NULL,
  "timestamp" timestamptz NOT NULL,
  source {NAME} NOT NULL,
  sequence bigint NOT NULL,
  price numeric NOT NULL,
  amount numeric NOT NULL,
  side {NAME} NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (symbol, "timestamp", source, sequence)
) PARTITION BY RANGE ("timestamp");

CREATE TABLE aggregated_prices (
  symbol {NAME} NOT NULL,
  "timestamp" timestamptz NOT NULL,
  consensus_price numeric NOT NULL,
  vwap numeric,
  twap numeric NOT NULL,
  weighted_median numeric NOT NULL,
  median numeric NOT NULL,
  mean numeric NOT NULL,
  std_dev numeric NOT NULL,
  confidence numeric NOT NULL,
  sources_used text[] NOT NULL,
  excluded jsonb NOT NULL,
  algorithm text NOT NULL,
  calculated_at timestamptz NOT NULL,
  PRIMARY KEY (symbol, "timestamp")
) PARTITION BY RANGE ("timestamp");

CREATE TABLE consensus_derivations (
  symbol {NAME} NOT NULL,
  "timestamp" timestamptz NOT NULL,
  derivation json NOT NULL,
  PRIMARY KEY (symbol, "timestamp")
) PARTITION BY RANGE ("timestamp");
COMMENT ON TABLE consensus_derivations IS
  'how each row of aggregated_prices came about; holds the quotes that it used, so it is kept only as long as they are';
COMMENT ON COLUMN consensus_derivations.derivation IS
  'json, not jsonb: its text is kept byte by byte, since its hash is promised';

CREATE TABLE rollup_due (
  symbol {NAME} NOT NULL,
  minute timestamptz NOT NULL,
  PRIMARY KEY (symbol, minute)
);
COMMENT ON TABLE rollup_due IS 'minutes whose quotes came after the minute was rolled up';

CREATE TABLE system_metadata (
  key text PRIMARY KEY,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
"""

CANDLE_TABLE = f"""
CREATE TABLE candles_{{interval}} (
  symbol {NAME} NOT NULL,
  bucket timestamptz NOT NULL,
  source {NAME} NOT NULL,
  open numeric NOT NULL,
  high numeric NOT NULL,
  low numeric NOT NULL,
  close numeric NOT NULL,
  volume numeric,
  num_feeds integer NOT NULL,
  opened_at timestamptz NOT NULL,
  closed_at timestamptz NOT NULL,
  PRIMARY KEY (symbol, bucket, source)
) PARTITION BY RANGE (bucket);
"""

PARTITIONED = (
    *("price_feeds", "trades", "aggregated_prices", "consensus_derivations"),
    *(f"candles_{interval}" for interval in CANDLES),
)


def upgrade() -> None:
    op.execute(TABLES)
    for interval in CANDLES:
        op.execute(CANDLE_TABLE.format(interval=interval))
    for table in PARTITIONED:
        # Whatever no partition was made for lands here: an acknowledged row always has a place.
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")


def downgrade() -> None:
    for table in (*PARTITIONED, "rollup_due", "system_metadata"):
        op.execute(f"DROP TABLE {table}")
