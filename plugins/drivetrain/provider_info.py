"""What Airflow learns of this distribution by its apache_airflow_provider entry point."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Connection types with their forms, and links of our operators; the schema is Airflow's provider_info."""
    return {
        "package-name": "drivetrain",
        "name": "Drivetrain",
        "description": "Sheet sync, features, calls, migration: the platform of a used-car marketplace.",
        "versions": ["0.1.0"],
        "hooks": [
            {"integration-name": "Google Sheets", "python-modules": ["hooks.google_sheets"]},
            {"integration-name": "Snowflake", "python-modules": ["hooks.snowflake"]},
            {"integration-name": "Triton", "python-modules": ["hooks.triton"]},
        ],
        "operators": [
            {
                "integration-name": "Google Sheets",
                "python-modules": ["operators.snowflake_to_sheets", "operators.sheets_to_snowflake"],
            },
            {"integration-name": "Triton", "python-modules": ["operators.triton_infer"]},
        ],
        "connection-types": [
            {
                "hook-class-name": "hooks.google_sheets.GoogleSheetsHook",
                "hook-name": "Google Sheets (service accounts)",
                "connection-type": "googlesheets",
                "ui-field-behaviour": {
                    "hidden-fields": ["host", "schema", "login", "password", "port", "extra"],
                    "relabeling": {},
                    "placeholders": {},
                },
                "conn-fields": {
                    "keyfile_paths": {
                        "label": "Key files",
                        "description": "Paths of service-account key files, with commas between them.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "keyfile_dicts": {
                        "label": "Keys (JSON)",
                        "description": "A service account's key, or a list of them.",
                        "schema": {"type": ["string", "null"], "format": "password"},
                    },
                    "timeout_seconds": {
                        "label": "Time-out (seconds)",
                        "schema": {"type": ["number", "null"], "default": 180},
                    },
                    "api_root": {
                        "label": "API root",
                        "description": "Another server than Google's, for local runs.",
                        "schema": {"type": ["string", "null"]},
                    },
                },
            },
            {
                "hook-class-name": "hooks.triton.TritonHook",
                "hook-name": "Triton (model server)",
                "connection-type": "triton",
                "ui-field-behaviour": {
                    "hidden-fields": ["login"],
                    "relabeling": {"schema": "http, https, grpc or grpcs", "password": "Token"},
                    "placeholders": {"host": "triton", "port": "8001", "schema": "grpc"},
                },
                "conn-fields": {
                    "urls": {
                        "label": "Servers",
                        "description": "Of several with the same models their URLs, with commas between them.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "timeout_seconds": {
                        "label": "Time for a call (seconds)",
                        "schema": {"type": ["number", "null"], "default": 10},
                    },
                    "ca_file": {
                        "label": "CA file",
                        "description": "PEM of who signs the servers' certificates.",
                        "schema": {"type": ["string", "null"]},
                    },
                },
            },
        ],
        "extra-links": ["operators.links.GoogleSheetLink"],
    }
