/**
 * The head's own outline, drawn in to the photo's: networks make heads that stand out of the photo by some millimeters.
 * Twin: training/bust/outline.py (ALGORITHM.md, 0b).
 */
import { ToCamera, type CropCamera } from "../../flame/fit/camera.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { TexelTable } from "../../flame/texelTable.js";
import { AsColumn, Blur, Clamp, MeanWhere, Modulo, Ramp, SmoothStep } from "./grids.js";
import { KeptGaussians, Solid } from "./head.js";

/** Meters: from here the outline is measured. */
const Middle = [0, 0.02, -0.015] as const;
/** Of 2 degrees. */
const Angles = 180;
/** Meters along a ray through the matte, and that it may be interrupted. */
const [Step, Gap] = [0.001, 0.008];
/** Meters that Gaussians reach beyond their means. */
const Soft = 0.0015;
/** Meters: what would move more is no outline, the matte errs there. */
const Most = [0.012, 0.02] as const;
/** Meters from the outline inwards in which what moves it fades out. */
const Reach = 0.03;
/** Heights between which it begins: below is the jaw, which an expression moves. */
const Heights = [-0.075, -0.035] as const;

/** A photo's person. */
export interface IOutline {
    /** Of the networks' crop. */
    readonly camera: CropCamera;
    /** [S,S] 0..1 over that crop. */
    readonly matte: Float32Array;
    /** [S,S] 1 where the photo shows something. */
    readonly inside: Float32Array;
    readonly size: number;
}

/**
 * Draws the head in.
 * @param staticMap [14,H,W], before activation; its places are changed in place
 */
export function DrawInHead(head: HeadModel, table: TexelTable, staticMap: Float32Array, outline: IOutline): void {
    const { texel, corners, bary, mapSize } = table;
    const { template } = head;
    const texels = mapSize ** 2;
    const kept = KeptGaussians(head, table);
    const means = new Float64Array(3 * kept.length);
    const opacity = new Float64Array(kept.length);
    for (let i = 0; i < kept.length; i++) {
        const g = kept[i];
        for (let axis = 0; axis < 3; axis++) {
            let place = staticMap[axis * texels + texel[g]];
            for (let k = 0; k < 3; k++) {
                place += bary[3 * g + k] * template[3 * corners[3 * g + k] + axis];
            }
            means[3 * i + axis] = place;
        }
        opacity[i] = 1 / (1 + Math.exp(-staticMap[3 * texels + texel[g]]));
    }
    const moves = DrawnIn(means, opacity, outline);
    for (let i = 0; i < moves.length; i++) {
        staticMap[(i % 3) * texels + texel[kept[Math.floor(i / 3)]]] += moves[i];
    }
}

/**
 * How the head has to move.
 * @param means [n,3] at rest
 * @param opacity [n]
 * @returns [n,3]
 */
export function DrawnIn(means: Float64Array, opacity: Float64Array, outline: IOutline): Float64Array {
    const { rotation } = outline.camera;
    const eye = ToCamera(outline.camera, Middle);
    const camera = ToCamera(outline.camera, means);
    const count = opacity.length;
    const flat = new Float64Array(2 * count);
    const [radius, at, scale] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
    const rim = AsColumn(new Float64Array(Angles));
    for (let i = 0; i < count; i++) {
        scale[i] = eye[2] / camera[3 * i + 2];
        flat[2 * i] = camera[3 * i] * scale[i] - eye[0];
        flat[2 * i + 1] = camera[3 * i + 1] * scale[i] - eye[1];
        radius[i] = Math.hypot(flat[2 * i], flat[2 * i + 1]);
        at[i] = (Math.atan2(flat[2 * i + 1], flat[2 * i]) / (2 * Math.PI)) * Angles;
        const column = Modulo(Math.floor(at[i]), Angles);
        if (opacity[i] > Solid) {
            rim.values[column] = Math.max(rim.values[column], radius[i]);
        }
    }
    if (rim.values.some((value) => value === 0)) {
        const found = AsColumn(rim.values.map((value) => Number(value > 0)));
        rim.values.set(MeanWhere(rim, found, 1, 0, true).values);
    }
    const moves = new Float64Array(3 * count);
    const { excess, known } = StandsOut(rim.values, eye, outline);
    if (known.every((value) => value === 0)) {
        return moves;
    }
    const change = Blur(MeanWhere(AsColumn(excess), AsColumn(known), 1, 0, true), 1, 0, true).values;
    const mix = (values: Float64Array, low: number, share: number): number =>
        values[Modulo(low, Angles)] * (1 - share) + values[Modulo(low + 1, Angles)] * share;
    for (let i = 0; i < count; i++) {
        const low = Math.floor(at[i] - 0.5);
        const share = at[i] - 0.5 - low;
        const depth = mix(rim.values, low, share) - radius[i];
        if (depth >= Reach) {
            continue;
        }
        const moved =
            mix(change, low, share) * (1 - SmoothStep(depth, 0, Reach)) * SmoothStep(means[3 * i + 1], ...Heights);
        const inwards = -moved / Math.max(radius[i] * scale[i], 1e-9);
        for (let axis = 0; axis < 3; axis++) {
            moves[3 * i + axis] = inwards * (flat[2 * i] * rotation[axis] + flat[2 * i + 1] * rotation[3 + axis]);
        }
    }
    return moves;
}

/** [Angles] meters by which a rim stands out of the matte, and how sure that is, 0..1. */
function StandsOut(
    rim: Float64Array,
    eye: ArrayLike<number>,
    { camera: { focal }, matte, inside, size }: IOutline,
): { excess: Float64Array; known: Float64Array } {
    const [excess, known] = [new Float64Array(Angles), new Float64Array(Angles)];
    const gap = Math.round(Gap / Step);
    for (let k = 0; k < Angles; k++) {
        const angle = ((k + 0.5) / Angles) * 2 * Math.PI;
        const first = 0.5 * rim[k];
        const count = Math.ceil((rim[k] + Soft + 2 * Step - first) / Step);
        const look = (map: Float32Array, m: number): number => {
            const r = first + m * Step;
            const u = 0.5 - (focal / eye[2]) * (eye[0] + r * Math.cos(angle));
            const v = 0.5 + (focal / eye[2]) * (eye[1] + r * Math.sin(angle));
            return Between(map, size, u * size - 0.5, v * size - 0.5);
        };
        let [last, misses] = [-1, 0];
        for (let m = 0; m < count && misses <= gap; m++) {
            const isPerson = look(matte, m) > 0.5;
            if (m === 0 && !isPerson) {
                break;
            }
            misses = isPerson ? 0 : misses + 1;
            last = isPerson ? m : last;
        }
        if (last < 0) {
            continue;
        }
        excess[k] = last < count - 1 ? Math.max(0, rim[k] + Soft - (first + last * Step) - Step / 2) : 0;
        let isShown = true;
        for (let m = 0; m < Math.min(count, last + 3); m++) {
            isShown &&= look(inside, m) > 0.999;
        }
        known[k] = isShown ? Ramp(excess[k], Most[1], Most[0]) : 0;
    }
    return { excess, known };
}

/** A map [S,S] between its four nearest pixels; edges go on. */
function Between(map: Float32Array, size: number, x: number, y: number): number {
    const [cx, cy] = [Clamp(x, 0, size - 1), Clamp(y, 0, size - 1)];
    const [column, row] = [Math.min(Math.floor(cx), size - 2), Math.min(Math.floor(cy), size - 2)];
    const at = row * size + column;
    const [right, down] = [cx - column, cy - row];
    const top = map[at] * (1 - right) + map[at + 1] * right;
    return top * (1 - down) + (map[at + size] * (1 - right) + map[at + size + 1] * right) * down;
}
