"""Answers n times: n - 1, n - 2, ... 0. It answers nothing where n is 0.

Where n is below zero, it answers as often as above, and then it fails.
"""

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            _count(int(pb_utils.get_input_tensor_by_name(request, "n").as_numpy()[0]), request.get_response_sender())


def _count(n, sender):
    for left in reversed(range(abs(n))):
        sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("left", np.array([left], np.int32))]))
    if n < 0:
        sender.send(pb_utils.InferenceResponse(error=pb_utils.TritonError("below zero")))
    sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
