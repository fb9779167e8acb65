"""The name of a channel as a part of a path: only what a channel file may be named reaches a page."""

from __future__ import annotations

import re

from starlette.convertors import Convertor, register_url_convertor

from pipelines.config.channel import CHANNEL_NAME

CHANNEL = "{channel:channel}"  # for Route(f"/channels/{CHANNEL}"): request.path_params["channel"] is the name


class _ChannelName(Convertor[str]):
    regex = CHANNEL_NAME

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        """Raises ValueError."""
        if not re.fullmatch(CHANNEL_NAME, value):
            raise ValueError(f"{value!r} is not the name of a channel")
        return value


register_url_convertor("channel", _ChannelName())
