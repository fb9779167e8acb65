"""Makes pytest explain failed assertions in the helper modules of the model."""

import pytest

pytest.register_assert_rewrite("tests.end_to_end.model.system_under_test", "tests.end_to_end.model.issue_history")
