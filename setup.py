"""Packages: those of irm_bench, and the folder of the page's templates, which stands beside it."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["irm_bench*"]), "irm_bench._page"],
    package_dir={"irm_bench._page": "report"},
    package_data={
        "irm_bench._page": ["*.css", "scripts/*", "templates/*", "templates/*/*"],
        "irm_bench.config": ["schema.yaml"],
        "irm_bench.books": ["*/*.yaml", "*/*.csv", "*/sections/*", "*/scripts/*"],
    },
)
