"""Whether the main loop of a part of Airflow still turns: exit code 0 if it does, else one line and 1.

For Kubernetes' liveness probes. Not health.py, which asks the API server: a part is not restarted because another one
is away. Here the database is asked for the heartbeat of this very pod; one that is away is no reason for a restart.
Airflow's own `airflow jobs check` does the same, for seconds of CPU at each call.

    python -I liveness.py dag-processor|triggerer|scheduler <file with SQLAlchemy's URL of the database>
"""

import re
import socket
import sys
from pathlib import Path

import psycopg2

JOBS = {"dag-processor": "DagProcessorJob", "scheduler": "SchedulerJob", "triggerer": "TriggererJob"}
# Many times what a heartbeat takes, and what a refresh of the DAG bundle may hold one up.
STUCK_SECONDS = 300
CONNECT_TIMEOUT_SECONDS = 5
QUERY = """
    SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job
    WHERE job_type = %s AND hostname = %s AND state = 'running'
"""


def problem(part: str, url: str, hostname: str) -> str | None:
    """What is wrong; None if nothing is, or if nobody can say."""
    try:
        address = re.sub(r"^postgresql\+\w+:", "postgresql:", url)
        connection = psycopg2.connect(address, connect_timeout=CONNECT_TIMEOUT_SECONDS)
        try:
            with connection.cursor() as cursor:
                cursor.execute(QUERY, (JOBS[part], hostname))
                ((seconds,),) = cursor.fetchall()
        finally:
            connection.close()
    except psycopg2.Error:
        return None
    if seconds is None or seconds < STUCK_SECONDS:
        return None
    return f"no heartbeat for {seconds:.0f} s"


if __name__ == "__main__":
    found = problem(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8").strip(), socket.gethostname())
    if found:
        sys.exit(f"{sys.argv[1]}: {found}")
