"""The sum of a sequence's values so far."""

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self._sums = {}

    def execute(self, requests):
        return [self._add(request) for request in requests]

    def _add(self, request):
        total = 0
        if _one(request, "READY"):  # else nothing came for this place of the batch
            sequence, value = _one(request, "CORRID"), _one(request, "value")
            total = value if _one(request, "START") else self._sums[sequence] + value
            self._sums[sequence] = total
            if _one(request, "END"):
                del self._sums[sequence]
        return pb_utils.InferenceResponse([pb_utils.Tensor("sum", np.array([[total]], np.int64))])


def _one(request, name):
    return int(pb_utils.get_input_tensor_by_name(request, name).as_numpy().ravel()[0])
