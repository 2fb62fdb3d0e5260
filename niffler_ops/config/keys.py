"""The description of each key, read from the models, for options, messages and documentation."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from niffler_ops.config.kinds import Kind

KeyFile = Literal["system.json", "config.json", "either", "meta.json"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One key: its `name` in the files, `attribute` of Config, the `file` it belongs into.

    `type` says what is allowed, `help` what it does; `default` and `example` are JSON text, `default`
    is `required` where there is none. A `secret` value is never shown.
    """

    name: str
    attribute: str
    file: KeyFile
    help: str
    type: str
    unit: str
    default: str
    default_value: Any
    example: str
    required: bool
    secret: bool


def describe(model: type[BaseModel], file: KeyFile) -> tuple[Key, ...]:
    """The keys of one model, in its order."""
    return tuple(_key(attribute, field, file) for attribute, field in model.model_fields.items())


def _key(attribute: str, field: FieldInfo, file: KeyFile) -> Key:
    kind = next(entry for entry in field.metadata if isinstance(entry, Kind))
    required = field.is_required()
    default = None if required else field.default
    example = field.examples[0] if field.examples else ""
    return Key(
        name=field.alias or attribute,
        attribute=attribute,
        file=file,
        help=field.description or "",
        type=kind.allowed,
        unit=kind.unit,
        default="required" if required else _text(default),
        default_value=default,
        example=_text(example),
        required=required,
        secret=kind.secret,
    )


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value in (None, "") else json.dumps(value, ensure_ascii=False)
