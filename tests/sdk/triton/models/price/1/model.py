"""The sum of each row, and how many rows came with it."""

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [_answer(pb_utils.get_input_tensor_by_name(request, "car").as_numpy()) for request in requests]


def _answer(cars):
    rows = np.full((len(cars), 1), len(cars), np.int64)
    price = cars.sum(axis=1, keepdims=True, dtype=np.float32)
    return pb_utils.InferenceResponse([pb_utils.Tensor("price", price), pb_utils.Tensor("rows", rows)])
