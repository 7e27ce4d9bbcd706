"""What the camera's follower learns from synthetic people: `python -m training.camera.frames`, then `.train`."""
