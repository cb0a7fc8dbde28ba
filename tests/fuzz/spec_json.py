"""Specifications: bytes become a run that survives a round trip, or are refused with the field's name."""

from __future__ import annotations

import json

from tests.fuzz.harness import fuzz, instrumented

with instrumented():
    from cu_core.base.errors import BadInput
    from cu_core.base.files import parse_json
    from cu_core.catalogue.spec import RunSpec, spec_from_json


def target(content: bytes) -> None:
    try:
        spec = spec_from_json(parse_json(content))
    except json.JSONDecodeError:
        return
    except BadInput as error:
        assert error.field and error.reason and len(str(error)) < 100_000
        str(error).encode()
        return
    text = json.dumps(spec.to_json(), allow_nan=False)
    assert spec_from_json(parse_json(text.encode())) == spec
    assert len(spec.content_hash()) == 64
    spec.title.encode()


SEEDS = [
    json.dumps(RunSpec().to_json()).encode(),
    b'{"method": "ascent", "data": {"dataset": "folder:/x"}, "seed": 3, "name": "\\ud83d\\ude00"}',
    b'{"train": {"lr": 1e-3, "epochs": "5"}, "schema": 1}',
]

if __name__ == "__main__":
    fuzz(target, SEEDS)
