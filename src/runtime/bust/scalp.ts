/** Colors of the head's own scalp where no photo shows it: those of the hair around it. Twin: training/bust/scalp.py. */
import { AtlasGrid } from "./atlasGrid.js";
import { WrappedPushPull } from "./bustColor.js";
import { Within, type Work } from "../slices.js";
import type { IBustHead, IBustPage } from "./bustInput.js";
import { HairGrain } from "./grain.js";
import { Clamp, CreateGrid, LookUpAround, Modulo, Ramp, RowsOf } from "./grids.js";
import type { IHair } from "./hair.js";
import type { IHairColor } from "./hairColor.js";
import { HairRow, RowCoordinate } from "./page.js";
import { Hair, type Photo } from "./photo.js";

/** Grid over the head from its top to below the ears: steps of 7.5 degrees. */
const [Rows, Columns] = [20, 48];
const Step = (7.5 * Math.PI) / 180;
/** Cosines to the camera, up to which and from which on a photo's colors of it are believed. */
const Rim = [0.3, 0.6] as const;
/** Share of scalp around, up to which and from which on it goes with the hair. */
const Border = [0.5, 0.95] as const;

/**
 * The head's colors with a scalp that goes with the hair.
 * @returns [n,3]; yields between its steps
 */
export function* ScalpColor(
    page: IBustPage,
    head: IBustHead,
    { points, curtain }: IHair,
    { color: hairColor }: IHairColor,
    photo: Photo,
): Work<Float64Array<ArrayBuffer>> {
    const { dome } = page;
    const placeOf = (values: ArrayLike<number>, i: number): [number, number] => {
        const [x, y, z] = [0, 1, 2].map((k) => values[3 * i + k] - dome[k]);
        return [
            Clamp((Math.PI / 2 - Math.atan2(y, Math.hypot(x, z))) / Step - 0.5, 0, Rows - 1),
            Modulo(Math.atan2(x, z) / Step - 0.5, Columns),
        ];
    };
    const total = CreateGrid(Rows, Columns, 3);
    const weight = CreateGrid(Rows, Columns);
    for (let i = 0; i < points.rows * points.columns; i++) {
        const { elevation } = HairRow(page, RowCoordinate(page.hair, Math.floor(i / points.columns)));
        if (elevation <= 0 && !curtain) {
            break;
        }
        const [row, column] = placeOf(points.values, i);
        const cell = Math.round(row) * Columns + (Math.round(column) % Columns);
        weight.values[cell]++;
        for (let k = 0; k < 3; k++) {
            total.values[3 * cell + k] += hairColor.values[3 * i + k];
        }
    }
    total.values.forEach((sum, i) => (total.values[i] = sum / Math.max(weight.values[Math.floor(i / 3)], 1)));
    weight.values.forEach((value, i) => (weight.values[i] = Math.min(value, 1)));
    const around = WrappedPushPull(total, weight);
    yield 0.4;
    const { px } = photo.project(head.means);
    const classes = photo.at(photo.classes, px, 3);
    const sure = photo.at(photo.sure, px);
    const inside = photo.inside(px, 2);
    const near = new AtlasGrid(head.place).smooth(head.scalp);
    yield 0.6;
    const color = head.color.slice() as Float64Array<ArrayBuffer>;
    const scalp = Array.from(head.scalp.keys()).filter((g) => head.scalp[g] === 1);
    const seen = scalp.map((g) => {
        const from = [0, 1, 2].map((k) => head.means[3 * g + k] - dome[k]);
        const to = [0, 1, 2].map((k) => photo.eye[k] - head.means[3 * g + k]);
        const facing = from.reduce((sum, value, k) => sum + value * to[k], 0) / Math.hypot(...from) / Math.hypot(...to);
        return inside[g] * Ramp(facing, ...Rim) * Ramp(sure[g], 0.5, 0.9) * Ramp(classes[3 * g + Hair], 0.3, 0.6);
    });
    yield 0.7;
    const roughAs = (): Work<Float64Array> =>
        HairGrain(RowsOf(head.means, scalp), dome, RowsOf(head.color, scalp), Float64Array.from(seen));
    const grain = curtain ? null : yield* Within(roughAs(), 0.7, 0.9);
    for (const [i, g] of scalp.entries()) {
        const trust = Math.max(seen[i], 1 - Ramp(near[g], ...Border));
        const rough = grain ? Math.exp(grain[i]) : 1;
        const [row, column] = placeOf(head.means, g);
        for (let k = 0; k < 3; k++) {
            color[3 * g + k] = color[3 * g + k] * trust + LookUpAround(around, row, column, k) * rough * (1 - trust);
        }
    }
    return color;
}
