"""A failed assertion of the walk shows its values, as those in test modules do."""

import pytest

pytest.register_assert_rewrite("tests.real_hosts.walk")
