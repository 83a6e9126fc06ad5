"""Runs a model on a Triton server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from airflow.sdk import BaseOperator

from drivetrain.errors import FatalError
from hooks.triton import TritonHook
from operators.failures import told_to_airflow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

_MOST_BYTES = 48_000  # of what goes into XCom, which is a row of Airflow's database


class TritonInferOperator(BaseOperator):
    """One call; its outputs are lists in XCom, by name.

    For some values, as a task's last step. Whoever has many rows calls hooks.triton.TritonHook where they are.

    Args:
        model: its name.
        inputs: lists by name, or JSON of them.
        outputs: which are wanted; None: all.
        version: of the model; "": whichever the server takes.
        may_run_twice: a call whose answer was lost may be made again.
        timeout_seconds: for all of it; None: the connection's.
        triton_conn_id: a connection of type triton.
    """

    template_fields: Sequence[str] = ("model", "inputs", "version")
    template_fields_renderers = {"inputs": "json"}  # noqa: RUF012 (Airflow's form)

    def __init__(
        self,
        *,
        model: str,
        inputs: Mapping[str, Any] | str,
        outputs: Sequence[str] | None = None,
        version: str = "",
        may_run_twice: bool = False,
        timeout_seconds: float | None = None,
        triton_conn_id: str = TritonHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model, self.inputs, self.outputs, self.version = model, inputs, outputs, version
        self.may_run_twice, self.timeout_seconds = may_run_twice, timeout_seconds
        self.triton_conn_id = triton_conn_id

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 (Airflow's form)
        """Call it. Texts are UTF-8; what is no number, or not a finite one, is None, as JSON has it."""
        with told_to_airflow(), TritonHook(self.triton_conn_id).client() as client:
            model = client.model(self.model, self.version, may_run_twice=self.may_run_twice)
            answer = model.infer(self._given(), outputs=self.outputs, timeout_seconds=self.timeout_seconds)
            found = {name: self._listed(name, value) for name, value in answer.outputs.items()}
            size = len(json.dumps(found))
            if size > _MOST_BYTES:
                raise FatalError(
                    f"model {self.model}: {size:,} bytes of outputs do not fit XCom ({_MOST_BYTES:,}): name those "
                    "that are needed, or call hooks.triton.TritonHook where they are"
                )
            return found

    def _given(self) -> Mapping[str, Any]:
        try:
            found = json.loads(self.inputs) if isinstance(self.inputs, str) else self.inputs
        except ValueError as error:
            raise FatalError(f"model {self.model}: inputs are no JSON: {error}") from None
        if not isinstance(found, Mapping):
            raise FatalError(f"model {self.model}: inputs are {type(found).__name__}: give lists by name")
        return found

    def _listed(self, name: str, value: np.ndarray[Any, Any]) -> list[Any]:
        if value.dtype == object:
            try:
                texts = [one.decode() for one in value.ravel()]
            except UnicodeDecodeError:
                raise FatalError(f"model {self.model}: output {name} is no text, so it does not fit XCom") from None
            return np.array(texts, dtype=object).reshape(value.shape).tolist()
        if value.dtype.kind in "biu":
            return value.tolist()
        numbers = value.astype(np.float64)
        return np.where(np.isfinite(numbers), numbers, None).tolist()
