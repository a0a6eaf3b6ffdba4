"""Nets of the older formats, upgraded as the real Caffe upgrades them."""

import base64
import json
from pathlib import Path

import pytest

from dragoman.converters.caffe.reader import read_network
from dragoman.converters.caffe.schema import NetParameter
from dragoman.converters.caffe.text import parse
from dragoman.converters.caffe.upgrade import upgrade_net
from dragoman.graph_ir.errors import MalformedModel

from .test_text import as_json

RECORDED = json.loads((Path(__file__).parent / "reader_recorded.json").read_text())
