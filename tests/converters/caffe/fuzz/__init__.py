"""Random Caffe networks, run in real Caffe and converted."""
