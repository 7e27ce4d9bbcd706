"""Faces in pictures by MediaPipe's Face Landmarker, and mattes by its selfie segmentation; in an environment of its own.

    python track.py <face_landmarker.task> <in.npz> <out.npz>          # pictures u8 [h,w,3] under any names
    python track.py --matte <in.npz> <out.npz>

out, per name: `<name>.points` f32 [478,2] pixels, `<name>.blendshapes` f32 [51], `<name>.rotation` f32 [3,3] (head to camera); absent
where no face is found. With --matte: `<name>` f32 [h,w], 1 on the person."""

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
            found = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture)))
            if not found.face_landmarks:
                continue
            height, width = picture.shape[:2]
            out[f"{name}.points"] = np.array([[p.x * width, p.y * height] for p in found.face_landmarks[0]], np.float32)
            out[f"{name}.blendshapes"] = np.array([b.score for b in found.face_blendshapes[0][1:]], np.float32)  # the first is "neutral"
            out[f"{name}.rotation"] = np.array(found.facial_transformation_matrixes[0], np.float32)[:3, :3]
    return out


def matte(pictures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as segmenter:
        return {name: segmenter.process(np.ascontiguousarray(p)).segmentation_mask.astype(np.float32) for name, p in pictures.items()}


def main() -> None:
    first, source, target = sys.argv[1:]
    pictures = dict(np.load(source))
    np.savez(target, **(matte(pictures) if first == "--matte" else track(first, pictures)))


if __name__ == "__main__":
    main()
