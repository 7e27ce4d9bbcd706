/** Fades the Gaussians out towards the open end of the neck, so that head and body blend. */
import type { HeadModel } from "../../flame/headModel.js";
import { TexelTableOf } from "../../flame/personalHead.js";
import { FeatherAt, type INeckRing } from "./neckRing.js";

/** The logit of an opacity that nothing shows of. */
const Invisible = -12;

/**
 * A static map whose opacity rises from 0 at the rim to its own value `length` meters up the neck.
 * @param staticMap [14,H,W], before activation; stays as it is
 * @param length meters along the skin
 * @returns [14,H,W], new
 */
export function FeatherMap(
    model: HeadModel,
    staticMap: ArrayLike<number>,
    mapSize: number,
    ring: INeckRing,
    length: number,
): Float32Array<ArrayBuffer> {
    const table = TexelTableOf(model, mapSize);
    const texels = mapSize * mapSize;
    const feathered = Float32Array.from(staticMap);
    for (let g = 0; g < table.gaussianCount; g++) {
        let distance = 0;
        for (let corner = 0; corner < 3; corner++) {
            const weight = table.bary[3 * g + corner];
            distance += weight > 0 ? weight * ring.distance[table.corners[3 * g + corner]] : 0;
        }
        const share = FeatherAt(distance, length);
        if (share < 1) {
            const at = 3 * texels + table.texel[g];
            const opacity = share / (1 + Math.exp(-staticMap[at]));
            feathered[at] = opacity > 1e-5 ? Math.log(opacity / (1 - opacity)) : Invisible;
        }
    }
    return feathered;
}
