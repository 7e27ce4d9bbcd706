/**
 * Splats as a binary PLY file in the layout of 3D Gaussian Splatting (Kerbl et al. 2023), which most splat tools open:
 * place, the constant coefficient of color, opacity before the sigmoid, logarithms of sizes, quaternion w, x, y, z.
 */
import { ConstantHarmonic, SplatByteLength } from "./splatFile.js";

const Properties = [
    ...["x", "y", "z", "nx", "ny", "nz"],
    ...["f_dc_0", "f_dc_1", "f_dc_2", "opacity"],
    ...["scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"],
];

/**
 * @param splats 32 bytes each, right-handed ({@link WriteSplats})
 * @returns the file: meters, +Y up, the face towards +Z
 */
export function WritePly(splats: Uint8Array): Uint8Array<ArrayBuffer> {
    const count = splats.length / SplatByteLength;
    const header = new TextEncoder().encode(
        [
            "ply",
            "format binary_little_endian 1.0",
            `element vertex ${count}`,
            ...Properties.map((name) => `property float ${name}`),
            "end_header",
            "",
        ].join("\n"),
    );
    const from = new DataView(splats.buffer, splats.byteOffset, splats.byteLength);
    const file = new Uint8Array(header.length + 4 * Properties.length * count);
    file.set(header);
    const into = new DataView(file.buffer, header.length);
    for (let i = 0; i < count; i++) {
        const at = SplatByteLength * i;
        const octet = (k: number): number => splats[at + 24 + k];
        const opacity = Math.min(254.75, Math.max(0.25, octet(3))) / 255; // a logit has no end
        const turn = [4, 5, 6, 7].map((k) => (octet(k) - 127.5) / 127.5);
        const length = Math.hypot(...turn);
        const numbers = [
            ...[0, 4, 8].map((offset) => from.getFloat32(at + offset, true)),
            ...[0, 0, 0],
            ...[0, 1, 2].map((k) => (octet(k) / 255 - 0.5) / ConstantHarmonic),
            Math.log(opacity / (1 - opacity)),
            ...[12, 16, 20].map((offset) => Math.log(from.getFloat32(at + offset, true))),
            ...turn.map((value) => value / length),
        ];
        numbers.forEach((value, k) => into.setFloat32(4 * (Properties.length * i + k), value, true));
    }
    return file;
}
