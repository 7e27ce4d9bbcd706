/** Cuts Gaussians that lie on no surface where a character's neck begins, and fades them out towards the cut. */
import type { ISplatHead } from "../../runtime/splats/splatHead.js";
import { RestPlaces } from "../../flame/pageModel.js";
import { FeatherAt, type INeckRing } from "./neckRing.js";

/** The logit of an opacity that nothing shows of. */
const Invisible = -12;

/**
 * A map whose Gaussians below the rim of the head model's neck are not seen, and whose opacity rises from there on.
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
    const { height, slope } = RimPlane(ring, rest);
    const along = 1 / Math.hypot(1, slope);
    const places = RestPlaces(model, table, map);
    const texels = table.mapSize ** 2;
    const feathered = map.slice();
    for (let g = 0; g < table.gaussianCount; g++) {
        const above = along * (places[3 * g + 1] - height - slope * places[3 * g + 2]);
        const share = above > 0 ? FeatherAt(above, length) : 0;
        if (share < 1) {
            const at = 3 * texels + table.texel[g];
            const opacity = share / (1 + Math.exp(-map[at]));
            feathered[at] = opacity > 1e-5 ? Math.log(opacity / (1 - opacity)) : Invisible;
        }
    }
    return feathered;
}

/** The plane y = height + slope · z nearest to the rim. */
function RimPlane({ vertices }: INeckRing, rest: ArrayLike<number>): { height: number; slope: number } {
    const n = vertices.length;
    const mean = (axis: number): number => vertices.reduce((sum, v) => sum + rest[3 * v + axis], 0) / n;
    const [y, z] = [mean(1), mean(2)];
    let [zz, yz] = [0, 0];
    for (const v of vertices) {
        zz += (rest[3 * v + 2] - z) ** 2;
        yz += (rest[3 * v + 2] - z) * (rest[3 * v + 1] - y);
    }
    const slope = zz > 0 ? yz / zz : 0;
    return { height: y - slope * z, slope };
}
