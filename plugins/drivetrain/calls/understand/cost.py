"""What questions cost, in millionths of a dollar: whole numbers, so that sums are what the bill says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from drivetrain.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivetrain.calls.understand.answers import Usage

_MILLION = 1_000_000


class TokenPrices(BaseModel):
    """Dollars for a million tokens: https://openai.com/api/pricing/ ."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read: Decimal = Field(ge=0, description="of the question")
    read_cached: Decimal = Field(ge=0, description="of the question, where the vendor has read it before")
    written: Decimal = Field(ge=0, description="of the answer")

    def cost(self, usage: Usage) -> int:
        """Millionths of a dollar, rounded up."""
        new = usage.read - usage.read_cached
        dollars = new * self.read + usage.read_cached * self.read_cached + usage.written * self.written
        return int(dollars.to_integral_value(rounding=ROUND_CEILING))  # for a million tokens: so of one in millionths

    def most(self, read: int, written: int) -> int:
        """Millionths of a dollar that a question may cost at most.

        Args:
            read: tokens of the question.
            written: tokens that the answer may have.
        """
        return int((read * self.read + written * self.written).to_integral_value(rounding=ROUND_CEILING))


def prices_of(model: str, prices: Mapping[str, TokenPrices]) -> TokenPrices:
    """Those of a model; of a dated version those of the model that it is a version of.

    Raises:
        SpecError: nobody has said what it costs, so no budget could be kept.
    """
    known = [name for name in prices if model == name or model.startswith(f"{name}-")]
    if not known:
        raise SpecError(f"model {model}: has no prices; there are those of {', '.join(sorted(prices)) or 'none'}")
    return prices[max(known, key=len)]


@dataclass(frozen=True)
class Dollars:
    """An amount as people read it."""

    millionths: int

    def __str__(self) -> str:
        return f"${Decimal(self.millionths) / _MILLION:.4f}"
