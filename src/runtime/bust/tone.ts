/**
 * The tone of each of several photos: hair and bust that two of them show must not be two-toned. Twin:
 * training/bust/tone.py.
 */
import type { IBustHead } from "./bustInput.js";
import { Clamp, RowsOf } from "./grids.js";
import { HiddenBy, Solid } from "./head.js";
import { Hair, type Photo } from "./photo.js";

/** Canonical: the head's surface looks away from a vertical through it. */
const Axis = [0, 0, -0.03];
/** Least cosine to the camera, and meters behind the least depth, of Gaussians that count. */
const [Facing, Slack] = [0.5, 0.004];
/** Added to both colors before their ratio; most that a photo's tone changes by. */
const [Floor, Limit] = [0.02, 2];
/** Gaussians of the face from which on it is believed. */
const Least = 64;
/** Most that a channel of a photo from behind changes by. */
const Tint = 1.33;
/** Pixels of hair, or of clothes, from which on their color counts. */
const LeastPixels = 200;

/**
 * The same photos in the tone of the head's face, which has the mean tone of all; one alone stays as it is.
 * @param depths picture of the head's depth for each photo
 */
export function Toned(photos: readonly Photo[], head: IBustHead, depths: readonly Float64Array[]): Photo[] {
    if (photos.length < 2) {
        return [...photos];
    }
    const face = Array.from(head.opacity.keys()).filter(
        (g) => head.opacity[g] > Solid && head.scalp[g] === 0 && head.neck[g] === 0,
    );
    const means = RowsOf(head.means, face);
    return photos.map((photo, index) => {
        const { px } = photo.project(means);
        const inside = photo.inside(px, 2);
        const sure = photo.at(photo.sure, px);
        const color = photo.colorAt(px);
        const hidden = HiddenBy(means, depths[index], photo, Slack);
        const seen = face.flatMap((_, i) => {
            const [x, y, z] = means.subarray(3 * i, 3 * i + 3);
            const [right, up, near] = [photo.eye[0] - x, photo.eye[1] - y, photo.eye[2] - z];
            const along = (x - Axis[0]) * right + (z - Axis[2]) * near;
            const cosine = along / (Math.hypot(x - Axis[0], z - Axis[2]) * Math.hypot(right, up, near));
            return cosine > Facing && inside[i] > 0 && sure[i] > 0.9 && hidden[i] === 0 ? [i] : [];
        });
        if (seen.length < Least) {
            return photo;
        }
        const gain = [0, 1, 2].map((k) => {
            const ratios = Float64Array.from(seen, (i) =>
                Math.log((head.color[3 * face[i] + k] + Floor) / (color[3 * i + k] + Floor)),
            ).sort();
            return Clamp(Math.exp(ratios[seen.length >> 1]), 1 / Limit, Limit);
        });
        return photo.inTone(gain);
    });
}

/**
 * A photo from behind in the tint of the front's hair and clothes. It keeps its light: there is no face that tells how
 * much of it is the lamp's.
 */
export function Tinted(back: Photo, front: Photo): Photo {
    const total = [0, 0, 0];
    let weight = 0;
    for (const share of [
        ({ classes }: Photo, i: number): number => classes[3 * i + Hair],
        ({ garment, hairless }: Photo, i: number): number => garment[i] * hairless[i],
    ]) {
        const [ours, wanted] = [back, front].map((photo) => MiddleOf(photo, (i) => share(photo, i) > 0.8));
        if (!ours || !wanted) {
            continue;
        }
        const ratios = ours.map((value, k) => Math.log((wanted[k] + Floor) / (value + Floor)));
        const mean = MeanOf(ratios);
        const light = Math.min(MeanOf(ours), MeanOf(wanted)); // dark colors tell little
        ratios.forEach((ratio, k) => (total[k] += light * (ratio - mean)));
        weight += light;
    }
    return back.inTone(total.map((sum) => Clamp(Math.exp(sum / Math.max(weight, 1e-6)), 1 / Tint, Tint)));
}

const MeanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Median color [3] of some pixels; null of few. */
function MiddleOf({ source, sure, gain }: Photo, isOne: (i: number) => boolean): number[] | null {
    const counts = new Float64Array(3 * 256);
    let count = 0;
    for (let i = 0; i < sure.length; i++) {
        if (sure[i] > 0.8 && source.pixels[4 * i + 3] > 0 && isOne(i)) {
            count++;
            for (let k = 0; k < 3; k++) {
                counts[256 * k + source.pixels[4 * i + k]]++;
            }
        }
    }
    if (count < LeastPixels) {
        return null;
    }
    return [0, 1, 2].map((k) => {
        let value = 0;
        for (let below = counts[256 * k]; below <= count >> 1; below += counts[256 * k + value]) {
            value++;
        }
        return (gain[k] * value) / 255;
    });
}
