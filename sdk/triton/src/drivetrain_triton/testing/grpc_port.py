"""gRPC of a fake server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.json_format import ParseDict
from tritonclient.grpc import service_pb2, service_pb2_grpc

from drivetrain_triton.errors import InputError
from drivetrain_triton.testing.models import SequenceNotBegunError
from drivetrain_triton.testing.tensors import RegionNotFoundError, is_shared, opened, packed, read, unpacked, write

if TYPE_CHECKING:
    from drivetrain_triton.signature import Tensors
    from drivetrain_triton.testing.models import FakeModel, Script

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class _Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # has no types
    def __init__(self, script: Script) -> None:
        self._script = script

    def ServerReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ServerReadyResponse(ready=True)

    def ModelReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelReadyResponse(ready=self._script.loaded(request.name) is not None)

    def ModelMetadata(self, request: Any, context: Any) -> Any:
        return ParseDict(self._model(request, context).metadata(), service_pb2.ModelMetadataResponse())

    def ModelConfig(self, request: Any, context: Any) -> Any:
        config = self._model(request, context).config()
        return ParseDict({"config": config}, service_pb2.ModelConfigResponse())

    def RepositoryIndex(self, request: Any, context: Any) -> Any:
        return ParseDict({"models": self._script.index()}, service_pb2.RepositoryIndexResponse())

    def RepositoryModelLoad(self, request: Any, context: Any) -> Any:
        self._change(request.model_name, "load", context)
        return service_pb2.RepositoryModelLoadResponse()

    def RepositoryModelUnload(self, request: Any, context: Any) -> Any:
        self._change(request.model_name, "unload", context)
        return service_pb2.RepositoryModelUnloadResponse()

    def SystemSharedMemoryRegister(self, request: Any, context: Any) -> Any:
        try:
            opened(request.name, request.key, request.byte_size)
        except InputError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        self._script.regions[request.name] = request.key
        return service_pb2.SystemSharedMemoryRegisterResponse()

    def SystemSharedMemoryUnregister(self, request: Any, context: Any) -> Any:
        self._script.regions.pop(request.name, None)
        return service_pb2.SystemSharedMemoryUnregisterResponse()

    def SystemSharedMemoryStatus(self, request: Any, context: Any) -> Any:
        answer = service_pb2.SystemSharedMemoryStatusResponse()
        for name, key in self._script.regions.items():
            answer.regions[name].name, answer.regions[name].key = name, key
        return answer

    def _change(self, name: str, what: str, context: Any) -> None:
        if not self._script.change(name, what):
            context.abort(grpc.StatusCode.INTERNAL, f"failed to {what} '{name}', failed to poll from model repository")

    def ModelInfer(self, request: Any, context: Any) -> Any:
        model = self._model(request, context, request.model_name, request.model_version)
        self._script.seen.append(dict(context.invocation_metadata()))
        if fault := self._script.next_fault():
            if fault.hangs:
                self._script.stopping.wait()
            code = grpc.StatusCode.UNAVAILABLE if fault.hangs_up else _CODES.get(fault.status, grpc.StatusCode.INTERNAL)
            context.abort(code, "Socket closed" if fault.hangs_up else fault.message)
        try:
            regions = self._script.regions
            model.chosen([one.name for one in request.outputs])
            given = model.run(_tensors(request, regions), self._script.state(model, _parameters(request)))
            return _answer(model, request, given, regions)
        except (InputError, SequenceNotBegunError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except RegionNotFoundError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))

    def ModelStreamInfer(self, requests: Any, context: Any) -> Any:
        for request in requests:
            model = self._found(request.model_name, request.model_version)
            if model is None:
                yield service_pb2.ModelStreamInferResponse(error_message=_unknown(request.model_name))
                continue
            self._script.seen.append(dict(context.invocation_metadata()))
            if fault := self._script.next_fault():
                if fault.hangs:
                    self._script.stopping.wait()
                if fault.hangs or fault.hangs_up:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
                yield service_pb2.ModelStreamInferResponse(error_message=fault.message)
                continue
            try:
                for given in model.stream(_tensors(request, self._script.regions)):
                    answer = _answer(model, request, given, self._script.regions)
                    yield service_pb2.ModelStreamInferResponse(infer_response=answer)
            except InputError as error:
                yield service_pb2.ModelStreamInferResponse(error_message=str(error))

    def _model(self, request: Any, context: Any, name: str | None = None, version: str | None = None) -> FakeModel:
        name = request.name if name is None else name
        model = self._found(name, request.version if version is None else version)
        if model is None:
            context.abort(grpc.StatusCode.NOT_FOUND, _unknown(name))
            raise AssertionError("abort raises")
        return model

    def _found(self, name: str, version: str) -> FakeModel | None:
        model = self._script.loaded(name)
        return model if model is not None and version in ("", model.version) else None


def _unknown(name: str) -> str:
    return f"Request for unknown model: {name!r} is not found"


def _parameters(request: Any) -> dict[str, Any]:
    return {name: getattr(one, one.WhichOneof("parameter_choice")) for name, one in request.parameters.items()}


def _tensors(request: Any, regions: dict[str, str]) -> Tensors:
    sent, found = iter(request.raw_input_contents), {}
    for one in request.inputs:
        parameters = _parameters(one)
        data = read(regions, parameters) if is_shared(parameters) else next(sent)
        found[one.name] = unpacked(data, one.datatype, list(one.shape))
    return found


def _answer(model: FakeModel, request: Any, given: Tensors, regions: dict[str, str]) -> Any:
    wanted = {one.name: _parameters(one) for one in request.outputs} or {name: {} for name in given}
    types = {one.name: one.datatype for one in model.outputs}
    answer = service_pb2.ModelInferResponse(model_name=model.name, model_version=model.version, id=request.id)
    for name, parameters in wanted.items():
        answer.outputs.add(name=name, datatype=types[name], shape=given[name].shape)
        data = packed(given[name], types[name])
        if is_shared(parameters):
            write(regions, parameters, data)
            data = b""
        answer.raw_output_contents.append(data)
    return answer


class GrpcPort:
    """It listens on 127.0.0.1 from the beginning."""

    def __init__(self, script: Script, port: int = 0) -> None:
        options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(16), options=options)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(_Servicer(script), self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    def stop(self) -> None:
        """Take no connections any more."""
        self._server.stop(grace=0).wait()
