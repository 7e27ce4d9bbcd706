"""Put the frames of scripts/pictures.mjs together: docs/images/talking.webp."""

from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FRAMES_PER_SECOND = 15

frames = [Image.open(file).convert("RGB") for file in sorted((ROOT / "out/animation").glob("*.png"))]
target = ROOT / "docs/images/talking.webp"
settings = {"save_all": True, "append_images": frames[1:], "loop": 0, "duration": round(1000 / FRAMES_PER_SECOND)}
frames[0].save(target, quality=62, method=6, **settings)
print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB, {len(frames)} frames")
