"""Whether a container is well, for Docker's health checks: exit code 0 if it is, else one line and 1.

Airflow's API server knows it of the other parts too, from their heartbeats. `airflow jobs check` would ask the
database, but each call of Airflow's command line costs seconds of CPU. Standard library only: it starts at once.

    python -I -S health.py api-server|scheduler|dag-processor|triggerer [HOST:PORT of the API server]
    python -I -S health.py /PATH HOST:PORT      any other server: well if it answers 200
"""

import http.client
import json
import sys

API_SERVER = "127.0.0.1:8080"
TIMEOUT_SECONDS = 8


def problem(what: str, address: str) -> str | None:
    """What is wrong; None if nothing is."""
    path = what if what.startswith("/") else "/api/v2/monitor/health"
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if what.startswith("/"):
            return None if response.status == 200 else f"{address} answered {response.status}"
        key = "metadatabase" if what == "api-server" else what.replace("-", "_")
        status = json.loads(response.read())[key]["status"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        return f"{address}: {type(error).__name__} {error}"
    finally:
        connection.close()
    return None if status == "healthy" else f"Airflow calls it {status or 'not running'}"


if __name__ == "__main__":
    found = problem(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else API_SERVER)
    if found:
        sys.exit(f"{sys.argv[1]}: {found}")
