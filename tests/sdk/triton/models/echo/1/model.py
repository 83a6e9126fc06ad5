"""Gives back what it is given."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [pb_utils.InferenceResponse([_back(one) for one in request.inputs()]) for request in requests]


def _back(tensor):
    name = f"{tensor.name()}_back"
    if tensor.name() == "brain":  # numpy has no such type
        return pb_utils.Tensor.from_dlpack(name, tensor.to_dlpack())
    return pb_utils.Tensor(name, tensor.as_numpy())
