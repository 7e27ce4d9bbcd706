/**
 * The mouth's layer of a `.flexavatar` file: differences of colors as those of the detail layer, and runs of none as in
 * the close-up layer, because all but some 6,000 texels lie outside of the mouth.
 */
import { PackShades, UnpackShades } from "./closeUpLayer.js";
import { PackDetail, UnpackDetail, type IPackedDetail } from "./detailLayer.js";

/** The byte of no difference in the detail layer; 0 here. */
const None = 128;

/** Rounds differences of colors to bytes, as {@link PackDetail} does. @param colors [3,H,W], finite */
export function PackMouth(colors: Float32Array): IPackedDetail {
    const { bytes, scales } = PackDetail(colors);
    return { bytes: PackShades(Int8Array.from(bytes, (byte) => byte - None)), scales };
}

/** @returns the `count` differences, or null if there are more or fewer */
export function UnpackMouth(
    { bytes, scales }: { bytes: Uint8Array; scales: ArrayLike<number> },
    count: number,
): Float32Array<ArrayBuffer> | null {
    const steps = UnpackShades(bytes, count);
    return steps && UnpackDetail({ bytes: Uint8Array.from(steps, (step) => step + None), scales });
}
