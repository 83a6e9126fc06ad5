"""Parses folders of DAG files: a program of its own, `python -m hooks.dag_parse_server`.

Airflow costs seconds to import and milliseconds to fork. So this process imports it once, and each request is a fork:
nothing that a DAG file does is left for the next one. A request is a line with a folder's path; the answer is one line
of JSON as drivetrain.dags.parsed has it. The end of its input is its end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn, TextIO


def main() -> None:
    """Answer until nobody asks."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # What DAG files print is no answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _import_airflow()
    for line in sys.stdin:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _answer(Path(line.rstrip("\n")), os.fdopen(writer, "w", encoding="utf-8"))
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8") as result:
            text = result.read()
        _, status = os.waitpid(child, 0)
        answers.write(text or json.dumps({"died": os.waitstatus_to_exitcode(status)}))
        answers.write("\n")
        answers.flush()


def parse(folder: Path) -> dict[str, Any]:
    """Parse every DAG file below a folder, which is a whole bundle, as Airflow's DAG processor does.

    Returns:
        See drivetrain.dags.parsed.Parsed.of.
    """
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.dag_version_inflation_checker import check_dag_file_stability
    from airflow.utils.file import list_py_file_paths

    bag = BundleDagBag(folder, bundle_path=folder, bundle_name="bundle", collect_dags=False, load_op_links=False)
    dags, seconds, varying, errors = [], dict[str, float](), [], dict[str, str]()
    for path in sorted(list_py_file_paths(folder, safe_mode=True)):
        file = Path(path).relative_to(folder).as_posix()
        began = time.process_time()
        found = bag.process_file(path, only_if_updated=False)  # type: ignore[no-untyped-call]  # Airflow's has no types
        stability = check_dag_file_stability(path)
        varying += [{"file": file, "line": one.line, "code": one.code} for one in stability.warnings.values()]
        for dag in found:
            try:
                serialized = json.loads(json.dumps(DagSerialization.to_dict(dag), default=str))
            except Exception:  # whatever it is, Airflow shows it as the file's import error
                errors[file] = traceback.format_exc()
                continue
            # Where the file lay when it was parsed is in no version's hash.
            for place in ("fileloc", "_processor_dags_folder"):
                serialized.get("dag", {}).pop(place, None)
            dags.append(
                {
                    "dag_id": dag.dag_id,
                    "file": file,
                    "owner": dag.owner,
                    "tags": sorted(dag.tags),
                    "broken": {
                        task.task_id: task.message.replace(f"{folder}/", "")
                        for task in dag.tasks
                        if type(task).__name__ == "BrokenSpecOperator"
                    },
                    "serialized": serialized,
                }
            )
        seconds[file] = round(time.process_time() - began, 3)
    for path, text in {**bag.import_errors, **errors}.items():
        file = path.removeprefix(f"{folder}/")
        errors[file] = text.replace(f"{folder}/", "")
    return {"dags": dags, "errors": errors, "seconds": seconds, "varying": varying}


def _answer(folder: Path, answers: TextIO) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _close_the_outside_world()
        answers.write(json.dumps(parse(folder), sort_keys=True))
        answers.flush()
    except BaseException:  # sys.exit() in a DAG file among them; the parent says that there was no answer
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _import_airflow() -> None:
    import airflow.dag_processing.dagbag
    import airflow.providers.common.compat.sdk
    import airflow.providers.standard.operators.empty
    import airflow.sdk
    import airflow.serialization.serialized_objects
    import airflow.utils.dag_version_inflation_checker  # noqa: F401 - all of these: a fork has what was imported before


def _close_the_outside_world() -> None:
    """A DAG file that asks for any of these would ask with every parse."""
    import socket

    from airflow.sdk import Connection, Variable

    def refuse(what: str) -> Any:
        def refused(*_: object, **__: object) -> NoReturn:
            raise RuntimeError(f"{what} while a DAG file is parsed: read it in the task")

        return refused

    for place, name, what in (
        (socket.socket, "connect", "a network connection"),
        (socket, "getaddrinfo", "a name look-up"),
        (Variable, "get", "a Variable"),
        (Connection, "get", "a connection"),
    ):
        setattr(place, name, refuse(what))


if __name__ == "__main__":
    main()
