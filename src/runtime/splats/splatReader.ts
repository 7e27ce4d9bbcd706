/** Reads `.splat` files: 32 bytes per Gaussian and no header ({@link ../format/splatFile.ts}). */
import { SplatByteLength } from "../format/splatFile.js";
import { CheckCount, CheckGaussians, CreateGaussians, WrongGaussians, type IGaussians } from "./gaussians.js";

/** @throws FlexAvatarError `file-format` */
export function ReadSplats(file: Uint8Array): IGaussians {
    if (file.byteLength % SplatByteLength !== 0) {
        throw WrongGaussians(`its ${file.byteLength} bytes are no multiple of ${SplatByteLength}`);
    }
    const count = CheckCount(file.byteLength / SplatByteLength);
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    const gaussians = CreateGaussians(count);
    for (let i = 0; i < count; i++) {
        const at = SplatByteLength * i;
        for (let k = 0; k < 3; k++) {
            gaussians.places[3 * i + k] = view.getFloat32(at + 4 * k, true);
            gaussians.sizes[3 * i + k] = view.getFloat32(at + 12 + 4 * k, true);
            gaussians.colors[3 * i + k] = file[at + 24 + k] / 255;
        }
        gaussians.opacities[i] = file[at + 27] / 255;
        for (let k = 0; k < 4; k++) {
            gaussians.turns[4 * i + k] = (file[at + 28 + ((k + 1) & 3)] - 127.5) / 127.5;
        }
    }
    return CheckGaussians(gaussians);
}
