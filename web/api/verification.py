"""What the last verification of the store found, over HTTP."""

from flask import Blueprint, Response

from system.verification.kept import last_verification

from .answers import answer
from .models import NoParameters
from .requests import orderwright, parameters

verification = Blueprint("verification", __name__)


@verification.get("/operations/verification")
def show_verification() -> Response:
    """The last verification and the last full one, null where none was run, and what the seals were told."""
    parameters(NoParameters)
    return answer(last_verification(orderwright()))
