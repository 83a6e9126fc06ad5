"""Fails each time, as a model with a mistake in it does."""


class TritonPythonModel:
    def execute(self, requests):
        raise KeyError("colour")
