/**
 * The head that every contender draws: an ellipsoid shell of Gaussians, deterministic, in Morton order of longitude and
 * latitude, as a .ply and as a .splat file. Right-handed, meters, y up, centre at the origin; quaternions are x, y, z,
 * w.
 */

/** Gaussians of the paper's 400 × 400 map. */
export const PaperCount = 141_445;
/** Half axes, meters. */
const HalfAxes = [0.085, 0.12, 0.1];
const SigmaOverSpacing = 0.7;
/** What networks give: logit 4 everywhere. */
const AvatarOpacity = 250 / 255;
const HarmonicOfOrder0 = 0.28209479177387814;

/** n Gaussians, after activation. */
export interface IGaussians {
    readonly count: number;
    /** [n,3] */
    readonly position: Float32Array<ArrayBuffer>;
    /** [n,4] */
    readonly rotation: Float32Array<ArrayBuffer>;
    /** [n,3] one standard deviation, meters */
    readonly scale: Float32Array<ArrayBuffer>;
    /** [n,3] sRGB-encoded 0..1, in steps of 1/255 so that no format loses any */
    readonly color: Float32Array<ArrayBuffer>;
    /** [n] 0..1, in steps of 1/255 */
    readonly opacity: Float32Array<ArrayBuffer>;
    /** [n,2] longitude and latitude as 0..1 */
    readonly uv: Float32Array<ArrayBuffer>;
}

/**
 * Whether the far side shows through: reconstructed avatars are opaque; translucent is what scenes from photos look
 * like.
 */
export type HeadKind = "opaque" | "translucent";

/** Makes the head. The spacing shrinks as the count grows, so that the head stays closed and its size the same. */
export function MakeHead(count = PaperCount, kind: HeadKind = "opaque"): IGaussians {
    let state = 1;
    const random = (): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 4294967296;
    };
    const points = Array.from({ length: count }, (_, i) => {
        // Fibonacci sphere
        const y = 1 - (2 * (i + 0.5)) / count;
        const turn = (i * 2.399963) % (2 * Math.PI);
        const r = Math.sqrt(1 - y * y);
        const unit = [r * Math.sin(turn), y, r * Math.cos(turn)];
        const uv = [turn / (2 * Math.PI), Math.asin(y) / Math.PI + 0.5];
        return { unit, uv, code: Morton(uv) };
    }).sort((a, b) => a.code - b.code);
    const gaussians: IGaussians = {
        count,
        position: new Float32Array(3 * count),
        rotation: new Float32Array(4 * count),
        scale: new Float32Array(3 * count),
        color: new Float32Array(3 * count),
        opacity: new Float32Array(count),
        uv: new Float32Array(2 * count),
    };
    const sigma = SigmaOverSpacing * 0.00097 * Math.sqrt(PaperCount / count);
    points.forEach(({ unit, uv }, i) => {
        gaussians.position.set(
            unit.map((x, axis) => x * HalfAxes[axis]),
            3 * i,
        );
        gaussians.rotation.set(TurnZTo(unit.map((x, axis) => x / HalfAxes[axis])), 4 * i);
        gaussians.scale.set([sigma, sigma, 0.1 * sigma], 3 * i); // flat along the normal
        gaussians.uv.set(uv, 2 * i);
        const shade = 0.5 + 0.25 * Math.sin(24 * uv[0] * Math.PI) * Math.cos(12 * uv[1] * Math.PI);
        for (let c = 0; c < 3; c++) {
            gaussians.color[3 * i + c] = Math.round(255 * (shade + (c - 1) * 0.12 + 0.2 * (random() - 0.5))) / 255;
        }
        gaussians.opacity[i] = kind === "opaque" ? AvatarOpacity : Math.round(255 * (0.25 + 0.7 * random())) / 255;
    });
    return gaussians;
}

/** As 3D Gaussian Splatting writes it, without view-dependent color. */
export function PlyOf(head: IGaussians): ArrayBuffer {
    const names = "x y z f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3".split(" ");
    const lines = [
        "ply",
        "format binary_little_endian 1.0",
        `element vertex ${head.count}`,
        ...names.map((name) => `property float ${name}`),
    ];
    const header = new TextEncoder().encode(`${lines.join("\n")}\nend_header\n`);
    const bytes = new Uint8Array(header.length + 4 * names.length * head.count);
    bytes.set(header);
    const view = new DataView(bytes.buffer, header.length);
    for (let i = 0; i < head.count; i++) {
        const alpha = head.opacity[i];
        const [x, y, z, w] = head.rotation.subarray(4 * i, 4 * i + 4);
        const row = [
            ...head.position.subarray(3 * i, 3 * i + 3),
            ...head.color.subarray(3 * i, 3 * i + 3).map((color) => (color - 0.5) / HarmonicOfOrder0),
            Math.log(alpha / (1 - alpha)),
            ...head.scale.subarray(3 * i, 3 * i + 3).map(Math.log),
            ...[w, x, y, z],
        ];
        row.forEach((value, k) => view.setFloat32(4 * (names.length * i + k), value, true));
    }
    return bytes.buffer;
}

/** 32 bytes per Gaussian: position and scale f32, color and opacity u8, rotation (w, x, y, z) u8. */
export function SplatOf(head: IGaussians): ArrayBuffer {
    const buffer = new ArrayBuffer(32 * head.count);
    const floats = new Float32Array(buffer);
    const bytes = new Uint8ClampedArray(buffer);
    for (let i = 0; i < head.count; i++) {
        floats.set(head.position.subarray(3 * i, 3 * i + 3), 8 * i);
        floats.set(head.scale.subarray(3 * i, 3 * i + 3), 8 * i + 3);
        for (let c = 0; c < 3; c++) {
            bytes[32 * i + 24 + c] = 255 * head.color[3 * i + c];
        }
        bytes[32 * i + 27] = 255 * head.opacity[i];
        const [x, y, z, w] = head.rotation.subarray(4 * i, 4 * i + 4);
        [w, x, y, z].forEach((value, k) => (bytes[32 * i + 28 + k] = 128 * value + 128));
    }
    return buffer;
}

/** Place on the Morton curve of 4096² cells. */
function Morton([u, v]: readonly number[]): number {
    let code = 0;
    const [column, row] = [Math.min(4095, Math.floor(4096 * u)), Math.min(4095, Math.floor(4096 * v))];
    for (let bit = 0; bit < 12; bit++) {
        code += ((column >> bit) & 1) * 4 ** bit + ((row >> bit) & 1) * 2 * 4 ** bit;
    }
    return code;
}

/** Quaternion that turns +z to a direction. */
function TurnZTo(direction: readonly number[]): number[] {
    const length = Math.hypot(...direction);
    const [x, y, z] = direction.map((value) => value / length);
    if (z < -1 + 1e-9) {
        return [1, 0, 0, 0];
    }
    const size = Math.hypot(-y, x, 1 + z);
    return [-y / size, x / size, 0, (1 + z) / size];
}
