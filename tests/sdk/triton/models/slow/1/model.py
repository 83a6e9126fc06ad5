"""Takes as long as it is told to, and says how many times it has run since it was loaded.

It says so in the server's log, too, before it takes its time: nobody gets an answer of a server that is killed.
"""

import time

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        self._runs = 0

    def execute(self, requests):
        return [self._run(request) for request in requests]

    def _run(self, request):
        self._runs += 1
        print("slow runs", flush=True)
        time.sleep(float(pb_utils.get_input_tensor_by_name(request, "seconds").as_numpy()[0]))
        return pb_utils.InferenceResponse([pb_utils.Tensor("runs", np.array([self._runs], np.int64))])
