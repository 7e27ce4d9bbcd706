"""PyTorch to ONNX: static graphs, fp16 external weights, manifest, parity."""
