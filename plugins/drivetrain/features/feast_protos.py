"""Feast's registry as protobuf messages: the part of them that we read.

Feast's own classes come with Feast, which takes seconds to import and holds other libraries back. What is not declared
here is kept by protobuf and of no interest. The numbers are facts of feast 0.67:
https://github.com/feast-dev/feast/tree/v0.67.0/protos/feast/core
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, message_factory, timestamp_pb2
from google.protobuf.message import DecodeError

_PACKAGE = "drivetrain.feast"
_TYPES = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "text": _TYPES.TYPE_STRING,
    "flag": _TYPES.TYPE_BOOL,
    "number": _TYPES.TYPE_INT32,
    "type": _TYPES.TYPE_INT32,  # an enum is a number on the wire
}
_TIMES = {"Duration": "google.protobuf.Duration", "Timestamp": "google.protobuf.Timestamp"}
# Of each message: a field's number and its kind, or another message; a * where there may be many.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Tag": {"key": (1, "text"), "value": (2, "text")},
    "Field": {"name": (1, "text"), "value_type": (2, "type"), "description": (4, "text"), "tags": (3, "*Tag")},
    "EntitySpec": {
        "name": (1, "text"),
        "value_type": (2, "type"),
        "join_key": (4, "text"),
        "project": (9, "text"),
    },
    "Entity": {"spec": (1, "EntitySpec")},
    "BigQuery": {"table": (1, "text"), "query": (2, "text")},
    "File": {"uri": (2, "text")},
    "Source": {
        "field_mapping": (2, "*Tag"),
        "timestamp_field": (3, "text"),
        "created_timestamp_column": (5, "text"),
        "file_options": (11, "File"),
        "bigquery_options": (12, "BigQuery"),
        "name": (20, "text"),
    },
    "ViewSpec": {
        "name": (1, "text"),
        "project": (2, "text"),
        "entities": (3, "*text"),
        "features": (4, "*Field"),
        "tags": (5, "*Tag"),
        "ttl": (6, "Duration"),
        "batch_source": (7, "Source"),
        "online": (8, "flag"),
        "description": (10, "text"),
        "owner": (11, "text"),
        "entity_columns": (12, "*Field"),
    },
    "ViewMeta": {"last_updated_timestamp": (2, "Timestamp"), "current_version_number": (4, "number")},
    "View": {"spec": (1, "ViewSpec"), "meta": (2, "ViewMeta")},
    "Projection": {
        "feature_view_name": (1, "text"),
        "feature_columns": (2, "*Field"),
        "feature_view_name_alias": (3, "text"),
        "join_key_map": (4, "*Tag"),
    },
    "ServiceSpec": {
        "name": (1, "text"),
        "project": (2, "text"),
        "features": (3, "*Projection"),
        "tags": (4, "*Tag"),
        "description": (5, "text"),
        "owner": (6, "text"),
    },
    "Service": {"spec": (1, "ServiceSpec")},
    "Registry": {
        "entities": (1, "*Entity"),
        "feature_views": (6, "*View"),
        "feature_services": (7, "*Service"),
        "last_updated": (5, "Timestamp"),
    },
}


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="drivetrain/feast.proto", package=_PACKAGE, syntax="proto3")
    file.dependency.extend(["google/protobuf/duration.proto", "google/protobuf/timestamp.proto"])
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            each = kind.removeprefix("*")
            label = _TYPES.LABEL_REPEATED if kind.startswith("*") else _TYPES.LABEL_OPTIONAL
            made = message.field.add(name=field, number=number, label=label)
            if each in _KINDS:
                made.type = _KINDS[each]
            else:
                made.type = _TYPES.TYPE_MESSAGE
                made.type_name = f".{_TIMES.get(each, f'{_PACKAGE}.{each}')}"
    pool = descriptor_pool.DescriptorPool()
    for known in (duration_pb2, timestamp_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return pool


_REGISTRY = message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.Registry"))


class NotARegistryError(ValueError):
    """Bytes that are no registry of Feast's."""


def parse_registry(data: bytes) -> Any:
    """The message Registry of a registry's file.

    Raises:
        NotARegistryError: it is none.
    """
    try:
        return _REGISTRY.FromString(data)
    except DecodeError as error:
        raise NotARegistryError(str(error)) from None
