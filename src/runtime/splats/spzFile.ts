/**
 * Niantic's `.spz`, versions 2 and 3: a header of 16 bytes and planar bytes of places, opacities, colors, sizes and
 * quaternions, in gzip. Higher harmonics are passed over. Axes are x right, y up, z back, as the library's own.
 */
import { InflateGzip } from "../format/inflate.js";
import { ConstantHarmonic, SplatByteLength } from "../format/splatFile.js";
import { FinishInSlicesAsync } from "../slices.js";
import {
    CheckCount,
    CheckGaussians,
    CreateGaussians,
    MostGaussians,
    WrongGaussians,
    type IGaussians,
} from "./gaussians.js";

const Magic = 0x5053474e; // "NGSP"
const HeaderBytes = 16;
/** Numbers of the higher harmonics, by degree. */
const HarmonicBytes = [0, 9, 24, 45, 72] as const;
/** A coefficient of color is a byte, (byte/255 − 0.5) / this. */
const ColorScale = 0.15;
/** Bits of a place behind the point: steps of 15 µm, ±128 m. */
const FractionalBits = 16;
/** Where sizes begin: ln size = byte/16 − this. */
const LeastLogSize = 10;

/** Whether the bytes begin like gzip. */
export function IsGzip(file: Uint8Array): boolean {
    return file[0] === 0x1f && file[1] === 0x8b;
}

/** @throws FlexAvatarError `file-format` */
export async function ReadSpzAsync(file: Uint8Array): Promise<IGaussians> {
    const most = HeaderBytes + MostGaussians * (20 + HarmonicBytes[4]);
    return ReadSpzBody(await FinishInSlicesAsync(InflateGzip(file, most, WrongGaussians)));
}

/** What is in the gzip. @throws FlexAvatarError `file-format` */
export function ReadSpzBody(body: Uint8Array): IGaussians {
    if (body.byteLength < HeaderBytes) {
        throw WrongGaussians(`its spz has ${body.byteLength} bytes`);
    }
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const version = view.getUint32(4, true);
    if (view.getUint32(0, true) !== Magic || (version !== 2 && version !== 3)) {
        throw WrongGaussians(`its spz is of version ${version}; 2 and 3 can be read`);
    }
    const count = CheckCount(view.getUint32(8, true));
    const [degree, fractionalBits] = [body[12], body[13]];
    const turnBytes = version === 3 ? 4 : 3;
    const harmonicBytes = HarmonicBytes[degree] ?? Infinity;
    const wanted = HeaderBytes + count * (16 + turnBytes + harmonicBytes);
    if (wanted !== body.byteLength || fractionalBits > 24) {
        throw WrongGaussians(
            `its spz of ${count} Gaussians, degree ${degree} and ${fractionalBits} bits has ${body.byteLength} bytes`,
        );
    }
    const gaussians = CreateGaussians(count);
    const { places, sizes, turns, colors, opacities } = gaussians;
    const opacityAt = HeaderBytes + 9 * count;
    const colorAt = opacityAt + count;
    const sizeAt = colorAt + 3 * count;
    const turnAt = sizeAt + 3 * count;
    for (let i = 0; i < 3 * count; i++) {
        const at = HeaderBytes + 3 * i;
        const fixed = ((body[at] | (body[at + 1] << 8) | (body[at + 2] << 16)) << 8) >> 8;
        places[i] = fixed / 2 ** fractionalBits;
        colors[i] = 0.5 + (ConstantHarmonic * (body[colorAt + i] / 255 - 0.5)) / ColorScale;
        sizes[i] = Math.exp(body[sizeAt + i] / 16 - LeastLogSize);
    }
    for (let i = 0; i < count; i++) {
        opacities[i] = body[opacityAt + i] / 255;
        if (version === 3) {
            UnpackSmallestThree(view.getUint32(turnAt + 4 * i, true), turns, 4 * i);
        } else {
            let sum = 0;
            for (let k = 0; k < 3; k++) {
                const value = body[turnAt + 3 * i + k] / 127.5 - 1;
                turns[4 * i + k] = value;
                sum += value * value;
            }
            turns[4 * i + 3] = Math.sqrt(Math.max(0, 1 - sum));
        }
    }
    return CheckGaussians(gaussians);
}

/** Magnitude in nine bits and a sign, from w at the bottom up; two bits at the top say which is missing. */
function UnpackSmallestThree(bits: number, turns: Float32Array, at: number): void {
    const missing = bits >>> 30;
    let [rest, sum] = [bits, 0];
    for (let k = 3; k >= 0; k--) {
        if (k !== missing) {
            const size = (Math.SQRT1_2 * (rest & 511)) / 511;
            turns[at + k] = (rest & 512) !== 0 ? -size : size;
            sum += size * size;
            rest >>>= 10;
        }
    }
    turns[at + missing] = Math.sqrt(Math.max(0, 1 - sum));
}

function PackSmallestThree(turn: readonly number[]): number {
    const sizes = turn.map(Math.abs);
    const missing = sizes.indexOf(Math.max(...sizes));
    const length = Math.hypot(...turn) * (turn[missing] < 0 ? -1 : 1);
    let bits = missing;
    for (let k = 0; k < 4; k++) {
        if (k !== missing) {
            const value = turn[k] / length;
            const size = Math.min(511, Math.round((511 * Math.abs(value)) / Math.SQRT1_2));
            bits = (bits << 10) | (value < 0 ? 512 : 0) | size;
        }
    }
    return bits >>> 0;
}

/**
 * Writes version 3, whose turns take ten bits and not eight.
 * @param splats 32 bytes each, right-handed, meters ({@link ../format/splatFile.ts})
 */
export async function WriteSpzAsync(splats: Uint8Array): Promise<ArrayBuffer> {
    const count = splats.length / SplatByteLength;
    const body = new Uint8Array(HeaderBytes + 20 * count);
    const octets = new Uint8ClampedArray(body.buffer); // rounds
    const view = new DataView(body.buffer);
    const from = new DataView(splats.buffer, splats.byteOffset, splats.byteLength);
    [Magic, 3, count].forEach((word, i) => view.setUint32(4 * i, word, true));
    body[13] = FractionalBits;
    const opacityAt = HeaderBytes + 9 * count;
    const colorAt = opacityAt + count;
    const sizeAt = colorAt + 3 * count;
    const turnAt = sizeAt + 3 * count;
    for (let i = 0; i < count; i++) {
        const at = SplatByteLength * i;
        for (let k = 0; k < 3; k++) {
            const fixed = Math.round(from.getFloat32(at + 4 * k, true) * 2 ** FractionalBits);
            for (let byte = 0; byte < 3; byte++) {
                body[HeaderBytes + 9 * i + 3 * k + byte] = fixed >> (8 * byte);
            }
            const coefficient = (splats[at + 24 + k] / 255 - 0.5) / ConstantHarmonic;
            octets[colorAt + 3 * i + k] = 255 * (ColorScale * coefficient + 0.5);
            octets[sizeAt + 3 * i + k] = 16 * (Math.log(from.getFloat32(at + 12 + 4 * k, true)) + LeastLogSize);
        }
        body[opacityAt + i] = splats[at + 27];
        const turn = [5, 6, 7, 4].map((k) => (splats[at + 24 + k] - 127.5) / 127.5);
        view.setUint32(turnAt + 4 * i, PackSmallestThree(turn), true);
    }
    return await new Response(new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}
