"""Runs the emulator, by the Python that has it, with three changes.

- It would install DuckDB's extension for geography from the network, which is of no use here.
- Of an upload it takes some kinds of content only, while Google's own client sends `*/*`.
- It would give a load that is uploaded an id of its own, while BigQuery takes the client's, and refuses one that it has
  seen: https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid
"""

from __future__ import annotations

import sys
from contextvars import ContextVar

from bqemulator.api.routes import upload
from bqemulator.cli import main
from bqemulator.domain.errors import AlreadyExistsError
from bqemulator.storage.engine import DuckDBEngine

_is_permitted = upload._is_permitted_media_type
upload._is_permitted_media_type = lambda content_type: content_type == "*/*" or _is_permitted(content_type)
DuckDBEngine._load_spatial = lambda self: None  # noqa: ARG005

_ASKED = "drivetrain_job_id"  # between an upload's first request and its last, in the load's configuration
_asked: ContextVar[str | None] = ContextVar("asked", default=None)
_configuration, _run, _new = upload._load_configuration_from_envelope, upload._run_load, upload._new_job_id


def _with_id(envelope):
    return {**_configuration(envelope), _ASKED: (envelope.get("jobReference") or {}).get("jobId")}


async def _run_once(*, project_id, configuration, ctx, **others):
    asked = configuration.pop(_ASKED, None)
    if asked and ctx.catalog.get_job(project_id, asked) is not None:
        raise AlreadyExistsError(f"Already Exists: Job {project_id}:US.{asked}")
    token = _asked.set(asked)
    try:
        return await _run(project_id=project_id, configuration=configuration, ctx=ctx, **others)
    finally:
        _asked.reset(token)


upload._load_configuration_from_envelope = _with_id
upload._run_load = _run_once
upload._new_job_id = lambda: _asked.get() or _new()

if __name__ == "__main__":
    sys.exit(main())
