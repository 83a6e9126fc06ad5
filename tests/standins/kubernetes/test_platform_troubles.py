from __future__ import annotations

import pytest

from standins.kubernetes.errors import KubernetesError
from standins.kubernetes.platform import HOPELESS, RESTARTS
from standins.kubernetes.platform_troubles import troubles


class FakeKubectl:
    """Answers as kubectl does for one pod."""

    def __init__(self, status, warnings=(), logs=None):
        self.pod = {"metadata": {"name": "a-pod"}, "status": {"containerStatuses": [status]}}
        self.warnings, self.logs = warnings, logs or {}

    def items(self, kind, namespace, *options):
        return [self.pod] if kind == "pods" else list(self.warnings)

    def __call__(self, *arguments, **_):
        which = "--previous" if "--previous" in arguments else ""
        if which not in self.logs:
            raise KubernetesError("no log")
        return self.logs[which]


def waiting(reason, restarts=0):
    return {"ready": False, "restartCount": restarts, "state": {"waiting": {"reason": reason, "message": "said so"}}}


PATIENT = {"hopeless": HOPELESS, "restarts": RESTARTS}


def test_a_pod_that_only_takes_its_time_is_no_trouble():
    assert troubles(FakeKubectl(waiting("ContainerCreating")), {"app": "x"}, **PATIENT) == []


def test_a_pod_that_is_ready_is_never_told_of():
    assert troubles(FakeKubectl({"ready": True, "restartCount": 9, "state": {}}), {"app": "x"}) == []


@pytest.mark.parametrize("status", [waiting("ErrImageNeverPull"), waiting("CrashLoopBackOff", RESTARTS)])
def test_what_no_waiting_helps_is_told_at_once_with_its_reason(status):
    [line] = troubles(FakeKubectl(status), {"app": "x"}, **PATIENT)
    assert line == f"a-pod: {status['state']['waiting']['reason']} said so"


def test_warnings_and_the_last_words_of_a_container_that_ended_are_told():
    warnings = [{"reason": "FailedMount", "message": "no secret"}]
    fake = FakeKubectl(waiting("CrashLoopBackOff"), warnings, {"--previous": "one\ntwo\n"})
    found = troubles(fake, {"app": "x"})
    assert found[1:] == ["a-pod: FailedMount: no secret", "a-pod: one", "a-pod: two"]
