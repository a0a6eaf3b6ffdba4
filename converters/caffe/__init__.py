"""Caffe: prototxt and caffemodel."""
