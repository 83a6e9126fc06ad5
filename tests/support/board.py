"""A registry with as many syncs and runs as one likes, made by the database itself."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import sqlalchemy as sa

from drivetrain.state.partitions import ensure_months

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Engine

_SYNCS = """
INSERT INTO sheet_syncs (sync, team, owner, description, mode, spreadsheet_id, tab, cron, timezone, freshness_seconds,
  catch_up, priority, attempts, spec_hash, registered_at, paused_at, paused_by, dispatched_until, next_due_at,
  last_due_at, last_attempt_at, last_success_at, last_outcome, last_error, failures, rows)
SELECT
  team || '_' || (ARRAY['live_inventory','new_leads','deliveries','funnel','overdue','register','daily_quality',
    'price_changes','scorecard','lead_log'])[1 + n % 10] || '_' || lpad(n::text, 4, '0'),
  team, team || '-bi@drivetrain.example', 'What ' || team || ' looks at every morning, number ' || n,
  (ARRAY['replace','upsert','append','mirror'])[1 + n % 4], '1Board' || lpad((n / 4)::text, 30, '0'),
  initcap(replace((ARRAY['live_inventory','new_leads','deliveries','funnel','overdue','register','daily_quality',
    'price_changes','scorecard','lead_log'])[1 + n % 10], '_', ' ')),
  CASE WHEN n % 29 <> 0 THEN '0 */4 * * *' END, CASE WHEN n % 29 <> 0 THEN 'Asia/Kolkata' END,
  18000, 'latest', 'normal', 5, 'x', :now - interval '300 days',
  CASE WHEN n % 41 = 7 THEN :now - interval '2 days' END, CASE WHEN n % 41 = 7 THEN 'asha' END,
  :now, CASE WHEN n % 29 <> 0 THEN :now + (n % 240 + 1) * interval '1 minute' END,
  :now - interval '2 hours', :now - interval '1 hour',
  :now - CASE WHEN n % 53 = 3 THEN (6 + n % 17) * interval '37 minutes' ELSE (n * 83 % 270) * interval '1 minute' END,
  CASE WHEN n % 53 = 3 OR n % 97 = 5 THEN 'failed' ELSE 'written' END,
  CASE WHEN n % 53 = 3 THEN (ARRAY['tab ''Live'' is gone: create it, or change target.tab in the spec',
         'the query has no column DEALER_CITY, which the spec names: add it, or take it out of columns',
         'guard: 71% of the rows would be deleted, max_delete_share allows 50%'])[1 + n % 3]
       WHEN n % 97 = 5 THEN 'quota: 60 writes a minute are used up, tried again in 41 s' END,
  CASE WHEN n % 53 = 3 THEN 4 WHEN n % 97 = 5 THEN 1 ELSE 0 END, (n * 7919) % 48000
FROM (SELECT n, (CAST(:teams AS text[]))[1 + n % cardinality(CAST(:teams AS text[]))] AS team
      FROM generate_series(0, :syncs - 1) n) AS numbered
"""
# The same syncs in every step, one due time each: so the rows lie in the table as a year would have left them.
_RUNS = """
INSERT INTO sheet_runs (job_key, due_at, sync, trigger, attempt, started_at, finished_at, outcome, is_final, error,
  rows, rows_added, rows_changed, rows_deleted, rows_rejected, write_calls, read_calls, bytes_sent)
SELECT sync || '@' || due_at, due_at, sync, 'schedule', 1, due_at + interval '9 s',
  due_at + interval '9 s' + (1 + abs(hashtext(sync || due_at)) % 4000 + CASE WHEN failed THEN 9000 ELSE 0 END)
    * interval '1 ms',
  CASE WHEN failed THEN 'failed' WHEN abs(hashtext(sync || due_at)) % 3 = 0 THEN 'unchanged' ELSE 'written' END, true,
  CASE WHEN failed THEN 'sync: tab is gone' ELSE '' END,
  CASE WHEN failed THEN 0 ELSE 1200 + step % 40 END, CASE WHEN failed THEN 0 ELSE step % 4 END,
  CASE WHEN failed THEN 0 ELSE 14 END, 0, CASE WHEN step % 7 = 0 THEN 1 ELSE 0 END,
  CASE WHEN failed OR abs(hashtext(sync || due_at)) % 3 = 0 THEN 0 ELSE 1 END, 2, 60000
FROM (
  SELECT sync, due_at, step, failures >= step OR (step > 8 AND abs(hashtext(due_at || sync)) % 53 = 0) AS failed
  FROM generate_series(CAST(:since AS int), CAST(:until AS int), -1) step
  CROSS JOIN sheet_syncs
  CROSS JOIN LATERAL (SELECT :now - step * make_interval(secs => :every) + interval '10 minutes' AS due_at) AS times
) AS planned
"""
TEAMS = ("retail", "growth", "pricing", "lending", "inspection", "logistics", "finance", "support")


def fill(engine: Engine, *, syncs: int, runs: int, days: int, now: dt.datetime, teams: Sequence[str] = TEAMS) -> None:
    """Make syncs with `runs` runs each, evenly over `days`. Some are late, some fail, some are paused."""
    every = dt.timedelta(days=days) / runs
    with engine.begin() as connection:
        ensure_months(connection, "sheet_runs", [now - dt.timedelta(days=day) for day in range(-1, days + 2)])
        connection.execute(sa.text(_SYNCS), {"now": now, "syncs": syncs, "teams": list(teams)})
    for start in range(runs, 0, -100):  # some at a time: as one statement it would need gigabytes for its log
        with engine.begin() as connection:
            window = {"since": start, "until": max(start - 99, 1), "now": now, "every": every.total_seconds()}
            connection.execute(sa.text(_RUNS), window)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE sheet_syncs"))
        connection.execute(sa.text("ANALYZE sheet_runs"))
