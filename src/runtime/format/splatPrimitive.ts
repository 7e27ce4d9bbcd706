/**
 * Splats as a glTF primitive of the ratified extension KHR_gaussian_splatting, kernel "ellipse": points with rotation,
 * linear scale, opacity, color as the degree-zero coefficient of spherical harmonics, and COLOR_0 for viewers that only
 * know points. Interleaved, 48 bytes each.
 */
import { ConstantHarmonic, SplatByteLength } from "./splatFile.js";

/** Extension by which viewers know splats. */
export const SplatExtension = "KHR_gaussian_splatting";
const Stride = 48;

const [SignedByte, Byte, Float] = [5120, 5121, 5126];
const ArrayBufferTarget = 34962;

/** A primitive and what it refers to. Indices count from the ones that were given. */
export interface ISplatPrimitive {
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly bufferView: Record<string, unknown>;
    readonly accessors: Record<string, unknown>[];
    readonly primitive: Record<string, unknown>;
}

/**
 * @param splats 32 bytes each, right-handed ({@link WriteSplats})
 * @param bufferView index that the buffer view will have
 * @param firstAccessor index that the first accessor will have
 * @param byteOffset where the bytes will be in buffer 0, a multiple of four
 */
export function WriteSplatPrimitive(
    splats: Uint8Array<ArrayBuffer>,
    bufferView: number,
    firstAccessor: number,
    byteOffset: number,
): ISplatPrimitive {
    const count = splats.length / SplatByteLength;
    const from = new DataView(splats.buffer, splats.byteOffset, splats.byteLength);
    const bytes = new Uint8Array(Stride * count);
    const into = new DataView(bytes.buffer);
    const min = [Infinity, Infinity, Infinity];
    const max = [-Infinity, -Infinity, -Infinity];
    const turn = [0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
        const [at, to] = [SplatByteLength * i, Stride * i];
        for (let axis = 0; axis < 3; axis++) {
            const place = from.getFloat32(at + 4 * axis, true);
            min[axis] = Math.min(min[axis], place);
            max[axis] = Math.max(max[axis], place);
            into.setFloat32(to + 4 * axis, place, true);
            into.setFloat32(to + 16 + 4 * axis, from.getFloat32(at + 12 + 4 * axis, true), true);
            const color = splats[at + 24 + axis] / 255;
            into.setFloat32(to + 32 + 4 * axis, (color - 0.5) / ConstantHarmonic, true);
            bytes[to + 28 + axis] = splats[at + 24 + axis];
        }
        bytes[to + 31] = splats[at + 27];
        bytes[to + 44] = splats[at + 27];
        // w, x, y, z in bytes to x, y, z, w in signed ones: as fine as they came.
        turn.forEach((_, k) => (turn[k] = (splats[at + 28 + ((k + 1) % 4)] - 127.5) / 127.5));
        const length = Math.hypot(...turn);
        turn.forEach((value, k) => into.setInt8(to + 12 + k, Math.round((127 * value) / length)));
    }
    const accessor = (at: number, componentType: number, type: string, more: object = {}): Record<string, unknown> => ({
        bufferView,
        byteOffset: at,
        componentType,
        count,
        type,
        ...more,
    });
    return {
        bytes,
        bufferView: {
            buffer: 0,
            byteOffset,
            byteLength: bytes.length,
            byteStride: Stride,
            target: ArrayBufferTarget,
        },
        accessors: [
            accessor(0, Float, "VEC3", { min: min.map(Math.fround), max: max.map(Math.fround) }),
            accessor(12, SignedByte, "VEC4", { normalized: true }),
            accessor(16, Float, "VEC3"),
            accessor(28, Byte, "VEC4", { normalized: true }),
            accessor(32, Float, "VEC3"),
            accessor(44, Byte, "SCALAR", { normalized: true }),
        ],
        primitive: {
            mode: 0,
            attributes: {
                POSITION: firstAccessor,
                [`${SplatExtension}:ROTATION`]: firstAccessor + 1,
                [`${SplatExtension}:SCALE`]: firstAccessor + 2,
                COLOR_0: firstAccessor + 3,
                [`${SplatExtension}:SH_DEGREE_0_COEF_0`]: firstAccessor + 4,
                [`${SplatExtension}:OPACITY`]: firstAccessor + 5,
            },
            extensions: {
                [SplatExtension]: {
                    kernel: "ellipse",
                    colorSpace: "srgb_rec709_display",
                    projection: "perspective",
                    sortingMethod: "cameraDistance",
                },
            },
        },
    };
}
