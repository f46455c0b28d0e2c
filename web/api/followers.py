"""How the followers are, over HTTP."""

from flask import Blueprint, Response

from system.operations.followers import examine_followers

from .answers import answer
from .models import NoParameters
from .requests import orderwright, parameters, runner_service
from .waiting import waiting

followers = Blueprint("followers", __name__)


@followers.get("/operations/followers")
def show_followers() -> Response:
    """Who runs each follower, whether it moves, how far it is behind, and when it will be level."""
    parameters(NoParameters)
    with waiting().turn():
        return answer(examine_followers(orderwright(), runner_service()))
