"""A KServe model server on 127.0.0.1, run by the Python that has KServe: see tests.support.triton.kserve_server.

Usage: kserve_process.py --http_port <port> --grpc_port <port>
"""

from __future__ import annotations

import kserve
import numpy as np
from grpc import aio
from kserve import model_server
from kserve.protocol.rest.server import RESTServer

HOST = "127.0.0.1"


class _Model(kserve.Model):
    takes = ()
    gives = ()

    def __init__(self, name):
        super().__init__(name)
        self.load()

    def get_input_types(self):
        return [{"name": name, "datatype": datatype, "shape": [*shape]} for name, datatype, shape in self.takes]

    def get_output_types(self):
        return [{"name": name, "datatype": datatype, "shape": [*shape]} for name, datatype, shape in self.gives]

    def predict(self, payload, headers=None, response_headers=None):
        found = self.run({one.name: one.as_numpy() for one in payload.inputs})
        outputs = []
        for name, datatype, _ in self.gives:
            one = kserve.InferOutput(name, [*found[name].shape], datatype)
            one.set_data_from_numpy(found[name], binary_data=payload.use_binary_outputs)
            outputs.append(one)
        return kserve.InferResponse(
            payload.id or "",
            self.name,
            outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


class Price(_Model):
    """As that of tests/sdk/triton/models."""

    takes = (("car", "FP32", (-1, 3)),)
    gives = (("price", "FP32", (-1, 1)), ("rows", "INT64", (-1, 1)))

    def run(self, given):
        cars = given["car"]
        rows = np.full((len(cars), 1), len(cars), np.int64)
        return {"price": cars.sum(axis=1, keepdims=True, dtype=np.float32), "rows": rows}


class Shout(_Model):
    """Texts in capital letters."""

    takes = (("text", "BYTES", (-1,)),)
    gives = (("loud", "BYTES", (-1,)),)

    def run(self, given):
        loud = [one.decode().upper().encode() for one in map(_as_bytes, given["text"])]
        return {"loud": np.array(loud, np.object_)}


class Fails(_Model):
    """Fails each time, as a model with a mistake in it does."""

    takes = (("any", "FP32", (1,)),)
    gives = (("none", "FP32", (1,)),)

    def run(self, given):
        raise KeyError("colour")


def _as_bytes(text):
    return text.encode() if isinstance(text, str) else text


class _LocalRest(RESTServer):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.config.host = HOST


def _local_grpc(*args, **options):
    made = _grpc(*args, **options)
    listen = made.add_insecure_port
    made.add_insecure_port = lambda address: listen(f"{HOST}:{address.rpartition(':')[2]}")
    return made


# A KServe server listens on all addresses, and can't be told otherwise.
_grpc, aio.server = aio.server, _local_grpc
model_server.RESTServer = _LocalRest

if __name__ == "__main__":
    kserve.ModelServer().start([Price("price"), Shout("shout"), Fails("fails")])
