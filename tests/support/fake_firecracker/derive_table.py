#!/usr/bin/env python3
"""derive_table.py DIRECTORY: prints the table of api.json.

DIRECTORY holds Firecracker's own descriptions of its API, firecracker-vX.Y.Z.yaml. The table has,
for each version, every request that the firecracker plugin makes: its fields, their types, which
are required, and what values they may have. Needs python3-yaml.
"""
import json
import pathlib
import re
import sys

import yaml

REQUESTS = [
    ("put", "/machine-config"),
    ("put", "/cpu-config"),
    ("put", "/boot-source"),
    ("put", "/drives/{drive_id}"),
    ("put", "/network-interfaces/{iface_id}"),
    ("put", "/mmds/config"),
    ("put", "/mmds"),
    ("put", "/vsock"),
    ("put", "/balloon"),
    ("patch", "/balloon"),
    ("get", "/balloon"),
    ("get", "/balloon/statistics"),
    ("put", "/entropy"),
    ("put", "/actions"),
    ("patch", "/vm"),
    ("put", "/snapshot/create"),
    ("put", "/snapshot/load"),
]
KEPT = ("type", "enum", "minimum", "maximum")


def shape(schema, definitions):
    """A schema with its references resolved, reduced to what a body can be checked against."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    made = {key: schema[key] for key in KEPT if key in schema}
    if "properties" in schema:
        made["type"] = "object"
        made["fields"] = {
            name: shape(field, definitions) for name, field in sorted(schema["properties"].items())
        }
        made["required"] = schema.get("required", [])
    if "items" in schema:
        made["items"] = shape(schema["items"], definitions)
    return made


def body_of(operation, definitions):
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "body":
            return shape(parameter["schema"], definitions)
    return None


def table_of(description):
    definitions = description["definitions"]
    return {
        f"{method.upper()} {path}": body_of(description["paths"][path][method], definitions)
        for method, path in REQUESTS
    }


def main():
    table = {}
    for file in sorted(pathlib.Path(sys.argv[1]).glob("firecracker-v*.yaml")):
        version = re.search(r"v(\d+\.\d+)\.", file.name).group(1)
        table[version] = table_of(yaml.safe_load(file.read_text()))
    lines = []
    for version, requests in table.items():
        rows = [f"  {json.dumps(name)}: {json.dumps(body)}" for name, body in requests.items()]
        lines.append(f'"{version}": {{\n' + ",\n".join(rows) + "\n}")
    print("{\n" + ",\n".join(lines) + "\n}")


main()
