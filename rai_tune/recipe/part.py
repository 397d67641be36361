"""What every part of a recipe is made of: the base class and the types of its fields. Internal to the recipe room."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)


def _as_written(value: Any) -> Any:
    """Text of a number or truth value, so that ``positive: 1`` means the label "1"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return getattr(value, "text", str(value))
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


Text = Annotated[str, BeforeValidator(_as_written)]
Name = Annotated[str, Field(max_length=120), AfterValidator(_not_blank), BeforeValidator(_as_written)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Edge = Annotated[float, Field(allow_inf_nan=False)]


class Part(BaseModel):
    """Base of all recipe parts: frozen, no unknown keys, docstrings become schema descriptions."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    later: ClassVar[tuple[str, ...]] = ()
    """Fields that came after recipes had digests. One that is None is not written, so that a recipe which does not speak of it keeps its digest."""

    @model_serializer(mode="wrap")
    def _leave_out_what_is_not_stated(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        for name in self.later:
            if written.get(name, self) is None:
                del written[name]
        return written
