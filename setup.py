"""Which folders go into the wheel; everything else about the distribution is in pyproject.toml.

The migrations live at the top of the checkout and travel inside the wheel as `tracker.migrations`.
"""

from setuptools import find_packages, setup

PACKAGES = ["instruments", "tracker", "analysis"]

setup(
    packages=[
        *find_packages(include=[pattern for name in PACKAGES for pattern in (name, f"{name}.*")]),
        "tracker.migrations",
    ],
    package_dir={"tracker.migrations": "migrations"},
)
