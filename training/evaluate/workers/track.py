"""Faces in pictures by MediaPipe's Face Landmarker; in an environment of its own.

    python track.py <face_landmarker.task> <in.npz> <out.npz>          # pictures u8 [h,w,3] under any names

out, per name: `<name>.points` f32 [478,2] pixels, `<name>.blendshapes` f32 [51], `<name>.rotation` f32 [3,3] (head to
camera); absent where no face is found."""

import sys

import mediapipe
import numpy as np


def track(bundle: str, pictures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=bundle),
        min_face_detection_confidence=0.2,
        min_face_presence_confidence=0.2,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    out = {}
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for name, picture in pictures.items():
            found = landmarker.detect(
                mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
            )
            if not found.face_landmarks:
                continue
            height, width = picture.shape[:2]
            out[f"{name}.points"] = np.array([[p.x * width, p.y * height] for p in found.face_landmarks[0]], np.float32)
            # the first is "neutral"
            out[f"{name}.blendshapes"] = np.array([b.score for b in found.face_blendshapes[0][1:]], np.float32)
            out[f"{name}.rotation"] = np.array(found.facial_transformation_matrixes[0], np.float32)[:3, :3]
    return out


def main() -> None:
    bundle, source, target = sys.argv[1:]
    np.savez(target, **track(bundle, dict(np.load(source))))


if __name__ == "__main__":
    main()
