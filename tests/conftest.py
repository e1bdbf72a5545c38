"""What every test starts from."""

from __future__ import annotations

import os

# A git hook that runs the tests names its own repository so; git in a test would work on that one.
for name in [name for name in os.environ if name.startswith("GIT_")]:
    del os.environ[name]
