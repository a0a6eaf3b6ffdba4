"""Handlers of Caffe's layers, one file for each family."""
