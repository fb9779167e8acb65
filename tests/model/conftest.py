"""The model's own modules assert, and are to say why when they fail."""

import pytest

pytest.register_assert_rewrite("tests.model.world", "tests.model.memory")
