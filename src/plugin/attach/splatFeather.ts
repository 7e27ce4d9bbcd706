/**
 * Cuts Gaussians that lie on no surface where a character's neck begins, and fades them out towards the cut. Shoulders,
 * which rise around the neck, go too; no file says which Gaussians they are.
 */
import type { ISplatHead } from "../../runtime/splats/splatHead.js";
import { RestPlaces } from "../../flame/pageModel.js";
import { FeatherAt, type INeckRing } from "./neckRing.js";

/** The logit of an opacity that nothing shows of. */
const Invisible = -12;
/** Shoulders and collars rise outwards from the rim by less than this, meters per meter. */
const ShoulderSlope = 1; // ours
/** Meters from the head's skin within which a Gaussian is the head's own, and from which on it is not. */
const [NearSkin, OffSkin] = [0.005, 0.012]; // ours

/**
 * A map whose Gaussians below the rim of the head model's neck, and at its sides, are not seen, and whose opacity rises
 * from there on.
 * @param rest [V,3] the head model's vertices, to which the rim belongs
 * @param length meters above the rim
 * @returns [14,H,W], new
 */
export function FeatherSplats(
    { model, table, map }: ISplatHead,
    ring: INeckRing,
    rest: ArrayLike<number>,
    length: number,
): Float32Array<ArrayBuffer> {
    const { height, slope, middle, radius } = RimOf(ring, rest);
    const skin = SkinOf(ring, rest);
    const along = 1 / Math.hypot(1, slope);
    const places = RestPlaces(model, table, map);
    const texels = table.mapSize ** 2;
    const feathered = map.slice();
    for (let g = 0; g < table.gaussianCount; g++) {
        const above = along * (places[3 * g + 1] - height - slope * places[3 * g + 2]);
        let share = above > 0 ? FeatherAt(above, length) : 0;
        const out = Math.hypot(places[3 * g] - middle[0], places[3 * g + 2] - middle[1]) - radius;
        const lift = above - ShoulderSlope * Math.max(0, out);
        if (share > 0 && lift < length) {
            const risen = lift > 0 ? FeatherAt(lift, length) : 0;
            share *= Math.max(risen, 1 - FeatherAt(DistanceTo(skin, places, 3 * g) - NearSkin, OffSkin - NearSkin));
        }
        if (share < 1) {
            const at = 3 * texels + table.texel[g];
            const opacity = share / (1 + Math.exp(-map[at]));
            feathered[at] = opacity > 1e-5 ? Math.log(opacity / (1 - opacity)) : Invisible;
        }
    }
    return feathered;
}

/** [n,3] the skin that hangs together with the neck. */
function SkinOf({ distance }: INeckRing, rest: ArrayLike<number>): Float32Array {
    const skin: number[] = [];
    distance.forEach((value, v) => {
        if (value < Infinity) {
            skin.push(rest[3 * v], rest[3 * v + 1], rest[3 * v + 2]);
        }
    });
    return Float32Array.from(skin);
}

function DistanceTo(points: Float32Array, places: ArrayLike<number>, at: number): number {
    let least = Infinity;
    for (let i = 0; i < points.length; i += 3) {
        const [x, y, z] = [points[i] - places[at], points[i + 1] - places[at + 1], points[i + 2] - places[at + 2]];
        least = Math.min(least, x * x + y * y + z * z);
    }
    return Math.sqrt(least);
}

/** The rim of a neck. */
interface IRim {
    /** The plane y = height + slope · z nearest to it. */
    readonly height: number;
    readonly slope: number;
    /** [2] x and z. */
    readonly middle: readonly [number, number];
    /** The mean distance from the middle, meters. */
    readonly radius: number;
}

function RimOf({ vertices }: INeckRing, rest: ArrayLike<number>): IRim {
    const n = vertices.length;
    const mean = (axis: number): number => vertices.reduce((sum, v) => sum + rest[3 * v + axis], 0) / n;
    const [x, y, z] = [mean(0), mean(1), mean(2)];
    let [zz, yz, radius] = [0, 0, 0];
    for (const v of vertices) {
        radius += Math.hypot(rest[3 * v] - x, rest[3 * v + 2] - z) / n;
        zz += (rest[3 * v + 2] - z) ** 2;
        yz += (rest[3 * v + 2] - z) * (rest[3 * v + 1] - y);
    }
    const slope = zz > 0 ? yz / zz : 0;
    return { height: y - slope * z, slope, middle: [x, z], radius };
}
