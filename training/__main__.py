"""Every command of the package by name: `python -m training` lists them, `python -m training VERB ...` runs one. The
module itself can be run too: `python -m training.train` is `python -m training train`."""

import runpy
import sys

COMMANDS = {
    "head model": {
        "head": ("headmodel.build", "builds assets/models/open-head.bin"),
        "page2": ("headmodel.page2", "builds its page for hair and bust"),
        "head-pictures": ("headmodel.pictures", "draws regions and expressions"),
        "landmarks": ("registration.measure_landmarks", "measures where MediaPipe sees its landmarks"),
        "character": ("character.build", "builds the character of the samples"),
    },
    "people": {
        "register": ("registration.build", "registers scanned people, from shared/data"),
        "register-landmarks": ("registration.landmarks", "measures their landmarks again"),
        "samples": ("samples", "fills the cache of samples"),
        "held-out-people": ("synth.held_out_people", "samples of people never trained on"),
        "contact-sheet": ("synth.contact_sheet", "draws synthetic people"),
        "adjustment-plot": ("synth.adjustment_plot", "draws the distribution adjustment"),
    },
    "models": {
        "train": ("train", "trains a model"),
        "one-batch": ("one_batch", "shows that a config trains"),
        "average": ("average", "mean of a checkpoint and the committed weights"),
        "export": ("export.export_onnx", "writes ONNX graphs and models.json"),
        "probe": ("export.probe", "writes known outputs into models.json"),
    },
    "measurements": {
        "evaluate": ("evaluate.__main__", "every metric, with a report"),
        "held-out": ("evaluate.held_out", "PSNR on held-out identities"),
        "ablations": ("evaluate.ablations", "table 2 of the paper"),
        "refined": ("evaluate.refined", "what refinement is worth"),
        "levels": ("evaluate.levels", "other levels of refinement"),
        "close-up": ("evaluate.close_up", "sharpness of close-ups"),
        "bust": ("evaluate.bust", "hair and bust"),
        "bust-photos": ("evaluate.bust_photos", "what a second photo is worth for hair and bust"),
        "film": ("evaluate.film", "films with known faces for bench/camera.mjs"),
        "sheet": ("evaluate.sheet", "a sheet of refined portraits"),
    },
    "classes of a photo's pixels": {
        "classes-samples": ("classes.samples", "labelled pictures"),
        "classes-labels": ("classes.labels", "labels of portraits"),
        "classes-train": ("classes.train", "trains the network"),
        "classes-export": ("classes.export", "writes its ONNX graph"),
        "classes-evaluate": ("classes.evaluate", "measures it"),
    },
    "visemes of a voice": {
        "voice-speak": ("voice.speak", "sentences with phoneme times for scripts/measureVoice.mjs"),
        "voice-train": ("voice.train", "the network that hears visemes"),
    },
    "motion of a face before a camera": {
        "camera-frames": ("camera.frames", "frames of synthetic people as the landmark network sees them"),
        "camera-train": ("camera.train", "trains the network that tells expressions and turn"),
    },
    "other networks": {
        "facenets": ("facenets.build", "MediaPipe's networks to ONNX"),
        "facenets-outputs": ("facenets.tflite_outputs", "what TensorFlow Lite computes with them"),
    },
    "fixtures of the browser's tests": {
        "fixture": ("export.write_fixture", "of the exported graphs"),
        "driver-fixture": ("export.write_driver_fixture", "of the driver"),
        "rasterizer-fixture": ("rasterizer.write_fixture", "of the rasteriser"),
        "refine-fixture": ("refine.write_fixture", "of refinement"),
        "bust-fixture": ("bust.write_fixture", "of hair and bust"),
        "classes-fixture": ("classes.write_fixture", "of the network for classes"),
    },
}


def table() -> str:
    """The commands by group, one a line."""
    lines = []
    for group, verbs in COMMANDS.items():
        lines += [f"\n{group}", *(f"  {verb:20} {what} ({module})" for verb, (module, what) in verbs.items())]
    return "\n".join(lines)


def main() -> None:
    modules = {verb: module for verbs in COMMANDS.values() for verb, (module, _) in verbs.items()}
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb not in modules:
        print(f"usage: python -m training VERB ...; -h after a verb lists its options\n{table()}")
        sys.exit(0 if verb in ("", "-h", "--help") else 2)
    sys.argv = [f"python -m training {verb}", *sys.argv[2:]]
    runpy.run_module(f"training.{modules[verb]}", run_name="__main__")


if __name__ == "__main__":
    main()
