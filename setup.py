"""Map the top-level folders to packages below ``dragoman``, so that nothing generic lands in site-packages."""

from setuptools import find_packages, setup

ROOTS = {"dragoman": "dragoman", "dragoman.graph_ir": "graph_ir", "dragoman.converters": "converters", "dragoman.validators": "validators"}

packages = [name for root, folder in ROOTS.items() for name in (root, *(f"{root}.{p}" for p in find_packages(folder)))]

setup(
    packages=packages,
    package_dir=ROOTS,
    package_data={name: ["py.typed", "*.json", "*.html", "*.css", "*.js"] for name in packages},
)
