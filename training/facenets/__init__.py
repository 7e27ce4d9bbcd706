"""MediaPipe's networks for faces, converted from the files of its npm packages to ONNX."""
