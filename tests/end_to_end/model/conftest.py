"""The model's own modules assert, and are to say why when they fail."""

import pytest

pytest.register_assert_rewrite("tests.end_to_end.model.world", "tests.end_to_end.model.memory")
